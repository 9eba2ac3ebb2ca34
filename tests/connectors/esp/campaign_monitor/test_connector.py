"""The verbs: what is sent, and what the answers become."""

from datetime import date, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.esp.campaign_monitor.client import Failure
from connectors.esp.campaign_monitor.mapping import to_outcomes
from connectors.esp.campaign_monitor.rows import FieldWriter, fold, to_batch
from connectors.esp.contract import Contact, FieldType, RemoteClient, RemoteField, RemoteList, State, Status
from connectors.esp.errors import Ambiguous, BadCredentials, NotFound, Refused, Unexpected, Unknown
from connectors.esp.exchange import Exchange

from .conftest import Esp, first_line, fixture, sent


def test_the_key_is_the_user_of_basic_auth(esp: Esp) -> None:
    connector, server = esp(200, "systemdate")
    connector.check_credentials()
    assert first_line(server) == "GET /api/v3.3/systemdate.json HTTP/1.1"
    assert b"Authorization: Basic ZGVtby1rZXktb2YtYW5uOng=\r\n" in server.requests[0]


def test_clients(esp: Esp) -> None:
    connector, _ = esp(200, "clients")
    assert connector.clients() == [
        RemoteClient("4a397ccaaa55eb4e6aa1221e1e2d7122", "Client One"),
        RemoteClient("a206def0582eec7dae47d937a4109cb2", "Client Two"),
    ]


def test_a_client_without_its_api_key(esp: Esp, kept: list[Exchange]) -> None:
    connector, _ = esp(200, "client_details")
    client = connector.client("4a397ccaaa55eb4e6aa1221e1e2d7122")
    assert client.time_zone == "(GMT+10:00) Canberra, Melbourne, Sydney"
    assert (client.name, client.country, client.currency) == ("Client One", "Australia", "USD")
    secret = fixture("client_details")["ApiKey"]
    assert secret not in repr(client)
    assert secret not in repr(kept)


def test_a_clients_own_key_may_not_list_clients(esp: Esp) -> None:
    """What /clients.json answers to such a key is not documented: either refusal leads to its own client."""
    connector, _ = esp(
        403, {"Code": 403}, 200, "client_details", settings={"client_id": "4a397ccaaa55eb4e6aa1221e1e2d7122"}
    )
    assert [client.name for client in connector.clients()] == ["Client One"]


def test_lists_and_one_of_them(esp: Esp) -> None:
    connector, _ = esp(200, "lists", 200, "list_details")
    assert [found.name for found in connector.lists("c1")] == ["List One", "List Two"]
    assert connector.list_details("l1") == RemoteList(
        "2fe4c8f0373ce320e2200596d7ef168f", "a non-basic list :)", False, True
    )


def test_fields(esp: Esp) -> None:
    connector, _ = esp(200, "custom_fields", 200, "custom_fields_utf8")
    assert connector.fields("l1") == [
        RemoteField("[website]", "website", FieldType.TEXT, (), "Text"),
        RemoteField("[age]", "age", FieldType.NUMBER, (), "Number"),
        RemoteField("[subscriptiondate]", "subscription date", FieldType.DATE, (), "Date"),
    ]
    without_key = connector.fields("l1")[0]
    assert not without_key.writable
    assert without_key.options == ("£0-20k", "£20-30k", "£30k+")


@pytest.mark.parametrize(
    ("type", "options", "data_type", "sent_options"),
    [
        (FieldType.TEXT, ("ignored",), "Text", []),
        (FieldType.NUMBER, (), "Number", []),
        (FieldType.DATE, (), "Date", []),
        (FieldType.BOOLEAN, (), "Text", []),
        (FieldType.ONE_OF, ("a", "b"), "MultiSelectOne", ["a", "b"]),
        (FieldType.MANY_OF, ("a", "b"), "MultiSelectMany", ["a", "b"]),
    ],
)
def test_creating_a_field(
    esp: Esp, type: FieldType, options: tuple[str, ...], data_type: str, sent_options: list[str]
) -> None:
    connector, server = esp(201, "create_custom_field")
    field = connector.create_field("l1", " new  date field ", type, options)
    assert sent(server) == {
        "FieldName": "new date field",
        "DataType": data_type,
        "Options": sent_options,
        "VisibleInPreferenceCenter": False,
    }
    assert (field.key, field.name, field.remote_type) == ("[newdatefield]", "new date field", data_type)


@pytest.mark.parametrize("name", ["", " ", "salary_range", "€", "prénom", "a" * 101, "e-mail", "[x]"])
def test_a_field_name_that_would_lose_its_key_is_not_created(esp: Esp, name: str) -> None:
    connector, server = esp(201, "create_custom_field")
    with pytest.raises(Refused):
        connector.create_field("l1", name, FieldType.TEXT)
    assert server.requests == []


def test_a_lost_answer_to_creating_a_field_is_ambiguous(esp: Esp) -> None:
    connector, server = esp(201, "create_custom_field")
    server.reset_before_reading = True
    with pytest.raises(Ambiguous):
        connector.create_field("l1", "City", FieldType.TEXT)


def test_an_import(esp: Esp) -> None:
    connector, server = esp(201, "import_subscribers")
    contacts = [
        Contact("Ann@example.com ", "Ann Smit", {"[website]": "https://ann.example", "[age]": 0}, True),
        Contact("bob@example.com", consent_to_track=False),
        Contact("eve@example.com", values={"[website]": ""}),
    ]
    outcomes = connector.upsert("l1", contacts)
    assert first_line(server) == "POST /api/v3.3/subscribers/l1/import.json HTTP/1.1"
    assert sent(server) == {
        "Subscribers": [
            {
                "EmailAddress": "Ann@example.com",
                "ConsentToTrack": "Yes",
                "CustomFields": [
                    {"Key": "website", "Value": "https://ann.example"},
                    {"Key": "age", "Value": "0"},
                ],
                "Name": "Ann Smit",
            },
            {"EmailAddress": "bob@example.com", "ConsentToTrack": "No"},
            {
                "EmailAddress": "eve@example.com",
                "ConsentToTrack": "Unchanged",
                "CustomFields": [{"Key": "website", "Value": "", "Clear": True}],
            },
        ],
        "Resubscribe": False,
    }
    assert [(o.address, o.status) for o in outcomes] == [(c.address, Status.DONE) for c in contacts]


def test_a_partial_import_answers_for_everyone(esp: Esp) -> None:
    """The fixture's 400 with code 210: the other rows are in."""
    connector, _ = esp(400, "import_subscribers_partial_success")
    addresses = ["ann@example.com", "Example+1@Example", "bob@example.com"]
    outcomes = connector.upsert("l1", [Contact(address) for address in addresses])
    assert [(o.address, o.status, o.code) for o in outcomes] == [
        ("ann@example.com", Status.DONE, ""),
        ("Example+1@Example", Status.REFUSED, "1"),
        ("bob@example.com", Status.DONE, ""),
    ]


def test_failures_in_a_201_count_too(esp: Esp) -> None:
    body = fixture("import_subscribers_partial_success")["ResultData"]
    connector, _ = esp(201, body)
    assert connector.upsert("l1", [Contact("example+1@example")])[0].code == "1"


@pytest.mark.parametrize(
    "body",
    [
        {"Code": 210},
        {"Code": 210, "ResultData": None},
        {"Code": 210, "ResultData": []},
        {"Code": 210, "ResultData": {"FailureDetails": [{"Code": 1}]}},
        {"Code": 210, "ResultData": {"FailureDetails": [{"EmailAddress": "a@b.nl", "Code": "1"}]}},
        {"Code": 210, "ResultData": {"FailureDetails": [{"EmailAddress": "else@where.nl", "Code": 1}]}},
    ],
)
def test_results_that_do_not_say_who_failed(esp: Esp, body: Any) -> None:
    """Nobody is called done on a guess; the import may be repeated, so halves of the batch can be."""
    connector, _ = esp(400, body)
    with pytest.raises(Unexpected) as raised:
        connector.upsert("l1", [Contact("ann@example.com"), Contact("bob@example.com")])
    assert raised.value.may_split


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_an_import_answered_with_nothing_is_no_success(esp: Esp, status: int) -> None:
    connector, _ = esp(status, None)
    with pytest.raises(Unknown) as raised:
        connector.upsert("l1", [Contact("ann@example.com")])
    assert not raised.value.may_split


@pytest.mark.parametrize("status", [201, 202, 204])
def test_who_is_to_come_off_is_off_only_when_it_says_so(esp: Esp, status: int) -> None:
    connector, _ = esp(status, None)
    for act in (connector.unsubscribe, connector.remove):
        with pytest.raises(Unknown):
            act("l1", ["ann@example.com"])
    with pytest.raises(Unknown):
        connector.rename("l1", "ann@example.com", "anna@example.com")


@pytest.mark.parametrize("body", [{}, [], "text", 3, {"FailureDetails": None}])
def test_a_201_of_another_shape(esp: Esp, body: Any) -> None:
    connector, _ = esp(201, body if not isinstance(body, str) else {"FailureDetails": body})
    with pytest.raises(Unexpected):
        connector.upsert("l1", [Contact("ann@example.com")])


def test_the_only_one_sent_is_the_one_who_failed_however_spelt(esp: Esp) -> None:
    failed = [{"EmailAddress": "ann@xn--bcher-kva.example", "Code": 206}]
    connector, _ = esp(400, {"Code": 210, "ResultData": {"FailureDetails": failed}})
    assert connector.upsert("l1", [Contact("ann@bücher.example")])[0].state is State.UNSUBSCRIBED


def test_the_same_address_goes_once_and_answers_each_time(esp: Esp) -> None:
    connector, server = esp(400, "import_subscribers_partial_success")
    contacts = [
        Contact("Example+1@example", "First", {"[a]": 1, "b": 2}, consent_to_track=True),
        Contact("ann@example.com"),
        Contact(" example+1@EXAMPLE", "", {"A": 3}),
    ]
    outcomes = connector.upsert("l1", contacts)
    assert sent(server)["Subscribers"] == [
        {
            "EmailAddress": "example+1@EXAMPLE",
            "ConsentToTrack": "Yes",
            "CustomFields": [{"Key": "A", "Value": "3"}, {"Key": "b", "Value": "2"}],
            "Name": "First",
        },
        {"EmailAddress": "ann@example.com", "ConsentToTrack": "Unchanged"},
    ]
    assert [(o.address, o.code) for o in outcomes] == [
        ("Example+1@example", "1"),
        ("ann@example.com", ""),
        (" example+1@EXAMPLE", "1"),
    ]


def test_values_left_out_are_named_in_the_outcome(esp: Esp) -> None:
    connector, server = esp(201, "import_subscribers")
    fields = [RemoteField("[age]", "age", FieldType.NUMBER)]
    contact = Contact("ann@example.com", "N" * 251, {"[age]": "old", "[gone]": 1})
    (outcome,) = connector.upsert("l1", [contact], fields)
    assert outcome.status is Status.DONE
    assert {item.key: item.code for item in outcome.left_out} == {
        "[age]": "not_a_number",
        "[gone]": "unknown_field",
        "name": "too_long",
    }
    assert sent(server)["Subscribers"] == [{"EmailAddress": "ann@example.com", "ConsentToTrack": "Unchanged"}]


def test_an_address_that_json_cannot_carry_is_refused_alone(esp: Esp) -> None:
    connector, server = esp(201, "import_subscribers")
    outcomes = connector.upsert("l1", [Contact("half\ud83d@example.com"), Contact("ann@example.com")])
    assert [(o.status, o.code) for o in outcomes] == [(Status.REFUSED, "not_text"), (Status.DONE, "")]
    assert len(sent(server)["Subscribers"]) == 1
    assert connector.upsert("l1", [Contact("half\ud83d@example.com")])[0].status is Status.REFUSED
    assert connector.unsubscribe("l1", ["half\ud83d@example.com"])[0].status is Status.REFUSED
    assert connector.subscriber("l1", "half\ud83d@example.com") is None
    assert len(server.requests) == 1


def test_nobody_and_too_many_make_no_call(esp: Esp) -> None:
    connector, server = esp(201, "import_subscribers")
    assert connector.upsert("l1", []) == []
    assert connector.unsubscribe("l1", []) == []
    with pytest.raises(Refused):
        connector.upsert("l1", [Contact(f"{n}@example.com") for n in range(1001)])
    assert server.requests == []


def test_unsubscribe_and_remove(esp: Esp) -> None:
    connector, server = esp(200, None, 400, {"Code": 203}, 400, {"Code": 1})
    outcomes = connector.unsubscribe("l1", ["ann+x@example.com", "gone@example.com", "bad"])
    assert [(o.status, o.code) for o in outcomes] == [
        (Status.DONE, ""),
        (Status.DONE, "203"),
        (Status.REFUSED, "1"),
    ]
    assert first_line(server, 0) == "POST /api/v3.3/subscribers/l1/unsubscribe.json HTTP/1.1"
    assert sent(server, 0) == {"EmailAddress": "ann+x@example.com"}

    connector, server = esp(200, None, 400, {"Code": 205})
    outcomes = connector.remove("l1", ["ann+x@example.com", "gone@example.com", "ANN+x@example.com"])
    assert [o.status for o in outcomes] == [Status.DONE] * 3
    assert outcomes[2].address == "ANN+x@example.com"
    assert len(server.requests) == 2
    assert (
        first_line(server, 0) == "DELETE /api/v3.3/subscribers/l1.json?email=ann%2Bx%40example.com HTTP/1.1"
    )


def test_an_error_halfway_leaves_the_rest_to_be_tried_again(esp: Esp) -> None:
    connector, server = esp(200, None, 401, {"Code": 100})
    outcomes = connector.unsubscribe("l1", ["a@example.com", "b@example.com", "c@example.com"])
    assert [(o.status, o.code) for o in outcomes] == [
        (Status.DONE, ""),
        (Status.RETRY, "100"),
        (Status.RETRY, "100"),
    ]
    assert len(server.requests) == 2
    with pytest.raises(BadCredentials):
        connector.unsubscribe("l1", ["b@example.com", "c@example.com"])


def test_a_subscriber(esp: Esp) -> None:
    connector, server = esp(200, "subscriber_details_with_track_and_sms_pref")
    found = connector.subscriber("l1", "subscriber+1@example.com")
    assert "?email=subscriber%2B1%40example.com&includetrackingpreference=true" in first_line(server)
    assert found is not None
    assert (found.address, found.name, found.state) == (
        "subscriber@example.com",
        "Subscriber One",
        State.ACTIVE,
    )
    assert found.values == {
        "[website]": "http://example.com",
        "[age]": "24",
        "[subscriptiondate]": "2010-03-09",
    }
    assert found.consent_to_track is True
    assert found.joined_at == datetime(2010, 10, 25, 10, 28)  # noqa: DTZ001 - as the ESP gives it


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("Active", State.ACTIVE),
        ("Unconfirmed", State.UNCONFIRMED),
        ("Unsubscribed", State.UNSUBSCRIBED),
        ("Bounced", State.BOUNCED),
        ("Deleted", State.REMOVED),
        ("Suppressed", State.SUPPRESSED),
        ("Sleeping", State.UNKNOWN),
    ],
)
def test_states(esp: Esp, state: str, expected: State) -> None:
    connector, _ = esp(200, fixture("subscriber_details") | {"State": state})
    found = connector.subscriber("l1", "a@example.com")
    assert found is not None
    assert found.state is expected


def test_keys_in_brackets_and_options_that_repeat(esp: Esp) -> None:
    pairs = [
        {"Key": "[Interests]", "Value": "Magic"},
        {"Key": "[Interests]", "Value": "Walks"},
        {"Key": "multi select field", "Value": None},
        {"Key": "n", "Value": 3},
    ]
    connector, _ = esp(
        200, fixture("subscriber_details") | {"CustomFields": pairs, "Name": None, "Date": "?"}
    )
    found = connector.subscriber("l1", "a@example.com")
    assert found is not None
    assert found.values == {"[Interests]": ["Magic", "Walks"], "[multiselectfield]": "", "[n]": "3"}
    assert (found.name, found.state_since, found.consent_to_track) == ("", None, None)


def test_nobody_of_this_address(esp: Esp) -> None:
    connector, _ = esp(400, {"Code": 203, "Message": "Subscriber not in list or has already been removed."})
    assert connector.subscriber("l1", "a@example.com") is None


def test_an_empty_id_is_not_sent(esp: Esp) -> None:
    connector, server = esp(200, "lists")
    for verb in (connector.lists, connector.list_details, connector.fields):
        with pytest.raises(NotFound):
            verb("")
    assert server.requests == []


def test_the_esp_may_say_anything(esp: Esp) -> None:
    """Names are data: markup and NUL come through as text that a column takes and a page escapes."""
    connector, _ = esp(200, [{"ListID": "l1", "Name": "<script>alert(1)</script>\x00"}])
    assert connector.lists("c1")[0].name == "<script>alert(1)</script>"


ADDRESSES = st.sampled_from(["a@x.nl", "A@x.nl", " a@x.nl", "b@x.nl", "c@x.nl", "d@x.nl", "half\ud83d@x.nl"])
CONTACTS = st.lists(
    st.builds(
        Contact,
        address=ADDRESSES,
        name=st.sampled_from(["", "Ann"]),
        values=st.dictionaries(st.sampled_from(["[k]", "K", "m"]), st.integers(0, 3) | st.none(), max_size=2),
        consent_to_track=st.none() | st.booleans(),
    ),
    max_size=12,
)


@given(CONTACTS, st.dictionaries(st.sampled_from(["a@x.nl", "b@x.nl", "c@x.nl"]), st.sampled_from([1, 206])))
@settings(suppress_health_check=[HealthCheck.too_slow])
def test_one_outcome_per_contact_in_order_whatever_fails(
    contacts: list[Contact], failing: dict[str, int]
) -> None:
    """Exactly those the answer names are refused; every address is in the batch once."""
    batch = to_batch(contacts, FieldWriter(None))
    sent_addresses = [row.EmailAddress.lower() for row in batch.rows]
    assert len(set(sent_addresses)) == len(sent_addresses)
    failures = [Failure(address, code) for address, code in failing.items() if address in sent_addresses]
    outcomes = to_outcomes(contacts, batch, failures)
    assert outcomes is not None
    assert [outcome.address for outcome in outcomes] == [contact.address for contact in contacts]
    named = {failure.EmailAddress: str(failure.Code) for failure in failures}
    for outcome in outcomes:
        name = outcome.address.strip().lower()
        expected = "not_text" if "\ud83d" in name else named.get(name, "")
        assert outcome.code == expected
        assert (outcome.status is Status.DONE) == (expected == "")


@given(CONTACTS)
def test_folding_equals_sending_one_after_the_other(contacts: list[Contact]) -> None:
    held: dict[str, tuple[str, bool | None, dict[str, object]]] = {}
    for contact in contacts:
        address = contact.address.strip().lower()
        name, consent, values = held.get(address, ("", None, {}))
        for key, value in contact.values.items():
            values = values | {key.strip("[]").lower(): value}
        held[address] = (
            contact.name or name,
            consent if contact.consent_to_track is None else contact.consent_to_track,
            values,
        )
    folded = {
        address: (
            contact.name,
            contact.consent_to_track,
            {key.strip("[]").lower(): value for key, value in contact.values.items()},
        )
        for address, contact in fold(contacts).items()
    }
    assert folded == held


IMPORTED = {"FailureDetails": []}


@pytest.mark.parametrize(
    ("asked", "resubscribe"), [({}, False), ({"restore": False}, False), ({"restore": True}, True)]
)
def test_nobody_is_resubscribed_unless_asked_for(esp: Esp, asked: dict[str, bool], resubscribe: bool) -> None:
    connector, server = esp(201, IMPORTED)
    connector.upsert("l1", [Contact("ann@example.com")], **asked)
    assert sent(server)["Resubscribe"] is resubscribe


def test_a_rename_on_the_wire(esp: Esp) -> None:
    connector, server = esp(200, None)
    connector.rename("l1", "ann+1@example.com", " anna@example.com ")
    assert first_line(server) == "PUT /api/v3.3/subscribers/l1.json?email=ann%2B1%40example.com HTTP/1.1"
    assert sent(server) == {
        "EmailAddress": "anna@example.com",
        "Resubscribe": False,
        "ConsentToTrack": "Unchanged",
    }


def test_a_page_on_the_wire(esp: Esp) -> None:
    answer = {"Results": [], "PageNumber": 3, "NumberOfPages": 0, "TotalNumberOfRecords": 0}
    connector, server = esp(200, answer)
    assert connector.read_list("l1", State.REMOVED, cursor="3", since=date(2026, 3, 1)).next is None
    assert first_line(server) == (
        "GET /api/v3.3/lists/l1/deleted.json?page=3&pagesize=1000&orderfield=email&orderdirection=asc"
        "&includetrackingpreference=true&date=2026-03-01 HTTP/1.1"
    )
