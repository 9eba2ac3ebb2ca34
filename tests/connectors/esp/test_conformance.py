"""Every connector against its simulator, over real HTTP: each capability it declares, and each way to fail.

A new ESP is under the suite by its line in the registry and its stage in `stages`.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import date
from decimal import Decimal

import pytest

from connectors.esp.contract import (
    Can,
    Contact,
    FieldType,
    State,
    Status,
)
from connectors.esp.errors import (
    Ambiguous,
    BadCredentials,
    Conflict,
    ConnectorError,
    NotFound,
    RateLimited,
    ServerFailed,
    Unexpected,
    Unknown,
    Unreachable,
    Unsupported,
)

from .playing import KEYS, Play
from .stages import STAGES, Ground


def test_every_connector_has_a_stage() -> None:
    assert set(KEYS) == set(STAGES)


VERBS: dict[str, tuple[Can | None, Callable[[Play], object]]] = {
    "check_credentials": (None, lambda play: play.connector.check_credentials()),
    "clients": (Can.READ_CLIENTS, lambda play: play.connector.clients()),
    "client": (Can.READ_CLIENTS, lambda play: play.connector.client(play.ground.client_id)),
    "lists": (Can.READ_LISTS, lambda play: play.connector.lists(play.ground.client_id)),
    "list_details": (Can.READ_LISTS, lambda play: play.connector.list_details(play.ground.list_id)),
    "fields": (Can.READ_FIELDS, lambda play: play.connector.fields(play.ground.list_id)),
    "create_field": (
        Can.CREATE_FIELDS,
        lambda play: play.connector.create_field(play.ground.list_id, "Shoe size", FieldType.NUMBER),
    ),
    "upsert": (
        Can.UPSERT,
        lambda play: play.connector.upsert(play.ground.list_id, [Contact("eve@example.com", "Eve")]),
    ),
    "unsubscribe": (
        Can.UNSUBSCRIBE,
        lambda play: play.connector.unsubscribe(play.ground.list_id, [play.stage.standing[State.ACTIVE]]),
    ),
    "remove": (
        Can.REMOVE,
        lambda play: play.connector.remove(play.ground.list_id, [play.stage.standing[State.ACTIVE]]),
    ),
    "subscriber": (
        Can.READ_SUBSCRIBER,
        lambda play: play.connector.subscriber(play.ground.list_id, play.stage.standing[State.ACTIVE]),
    ),
    "rename": (
        Can.RENAME,
        lambda play: play.connector.rename(
            play.ground.list_id, play.stage.standing[State.ACTIVE], "new@example.com"
        ),
    ),
    "read_list": (
        Can.READ_LIST,
        lambda play: play.connector.read_list(play.ground.list_id, State.ACTIVE),
    ),
    "suppressions": (
        Can.READ_SUPPRESSIONS,
        lambda play: play.connector.suppressions(play.ground.client_id),
    ),
}
every_verb = pytest.mark.parametrize("verb", VERBS)


def declared(play: Play, verb: str) -> bool:
    """Whether to go on; an undeclared verb must say so by itself."""
    flag, act = VERBS[verb]
    if flag is None or play.can(flag):
        return True
    with pytest.raises(Unsupported):
        act(play)
    return False


@every_verb
def test_a_declared_verb_works_and_another_says_that_it_does_not(play: Play, verb: str) -> None:
    if declared(play, verb):
        VERBS[verb][1](play)
        assert {exchange.operation for exchange in play.kept} == {verb}
        assert all(exchange.error == "" for exchange in play.kept)


@every_verb
def test_wrong_credentials(play: Play, verb: str) -> None:
    if declared(play, verb):
        play.connector = play.with_settings(**play.stage.wrong_settings)
        with pytest.raises(BadCredentials):
            VERBS[verb][1](play)


@every_verb
def test_a_list_or_client_that_is_gone(play: Play, verb: str) -> None:
    """Also after it worked: deleted at the ESP while we were connected. The credentials are not blamed."""
    if not declared(play, verb) or verb in ("check_credentials", "clients"):
        return
    play.ground = Ground("0" * 32, "0" * 32)
    with pytest.raises(NotFound):
        VERBS[verb][1](play)
    play.connector.check_credentials()


FAULTS: list[tuple[str, dict[str, object], type[ConnectorError], type[ConnectorError]]] = [
    # (name, fault, error, error where repeating is not safe)
    ("429", {"kind": "rate_limited"}, RateLimited, RateLimited),
    ("429 seconds", {"kind": "rate_limited", "retry_after": 7}, RateLimited, RateLimited),
    ("429 date", {"kind": "rate_limited", "retry_after": "date", "seconds": 60}, RateLimited, RateLimited),
    ("500", {"kind": "status", "status": 500}, ServerFailed, Ambiguous),
    ("502 page", {"kind": "html", "status": 502}, ServerFailed, Ambiguous),
    ("503", {"kind": "status", "status": 503}, ServerFailed, ServerFailed),
    ("504 page", {"kind": "html", "status": 504}, ServerFailed, Ambiguous),
    ("200 page", {"kind": "html", "status": 200}, Unexpected, Unexpected),
    ("reset before", {"kind": "reset_before"}, Unreachable, Ambiguous),
    ("reset after", {"kind": "reset_after"}, Unreachable, Ambiguous),
    ("truncated", {"kind": "truncated"}, Unreachable, Ambiguous),
    ("bad json", {"kind": "bad_json"}, Unknown, Ambiguous),
    ("redirect", {"kind": "redirect", "location": "http://127.0.0.1:9/"}, Unexpected, Unexpected),
]
BODILESS = {
    "unsubscribe",
    "remove",
    "rename",
}  # some ESPs answer these with nothing, which cannot be cut or broken


@every_verb
@pytest.mark.parametrize(("name", "fault", "error", "unsafe_error"), FAULTS, ids=[row[0] for row in FAULTS])
def test_a_fault_has_its_consequence_and_the_next_try_succeeds(
    play: Play,
    verb: str,
    name: str,
    fault: dict[str, object],
    error: type[ConnectorError],
    unsafe_error: type[ConnectorError],
) -> None:
    if not declared(play, verb):
        return
    act = VERBS[verb][1]
    play.simulator.faults([{**fault, "match": play.stage.operations[verb]}])
    if verb in BODILESS and name in ("truncated", "bad json"):
        with suppress(Unreachable, Unknown):
            act(play)
    else:
        with pytest.raises(ConnectorError) as raised:
            act(play)
        assert type(raised.value) is (error if play.connector.spec.repeatable(verb) else unsafe_error)
        assert raised.value.operation == verb
        if isinstance(raised.value, RateLimited) and name != "429":
            assert 0 < (raised.value.retry_after_s or 0) <= 60
        assert len(play.kept) == 1, "There are no retries inside."

    applied = name in ("reset after", "truncated", "bad json")
    if verb == "create_field" and applied:
        with pytest.raises(Conflict):  # which is why a lost answer must be looked after
            act(play)
    else:
        act(play)


@every_verb
def test_a_byte_order_mark_is_no_fault(play: Play, verb: str) -> None:
    if declared(play, verb):
        play.simulator.faults([{"kind": "bom", "match": play.stage.operations[verb]}])
        VERBS[verb][1](play)


def test_clients_and_lists(play: Play) -> None:
    if play.can(Can.READ_CLIENTS):
        assert [client.name for client in play.connector.clients()] == [play.stage.client_name]
        assert play.connector.client(play.ground.client_id).time_zone
    if play.can(Can.READ_LISTS):
        assert [found.name for found in play.connector.lists(play.ground.client_id)] == [play.stage.list_name]
        details = play.connector.list_details(play.ground.list_id)
        assert (details.id, details.name) == (play.ground.list_id, play.stage.list_name)


def test_fields(play: Play) -> None:
    if not play.can(Can.READ_FIELDS):
        return
    fields = {field.name: field for field in play.connector.fields(play.ground.list_id)}
    assert {fields[name].type for name in play.stage.fields.values()} == set(play.stage.fields)
    assert fields[play.stage.fields[FieldType.MANY_OF]].options == play.stage.options
    assert all(field.writable for field in fields.values())


@pytest.mark.parametrize("type", FieldType)
def test_a_created_field_is_read_back_and_can_be_written(play: Play, type: FieldType) -> None:
    if not play.can(Can.CREATE_FIELDS):
        return
    made = play.connector.create_field(play.ground.list_id, "Made by us", type, ("one", "two"))
    fields = play.connector.fields(play.ground.list_id)
    assert made in fields
    value = {
        FieldType.NUMBER: 4,
        FieldType.DATE: date(2026, 8, 1),
        FieldType.BOOLEAN: True,
        FieldType.ONE_OF: "one",
        FieldType.MANY_OF: ["two", "one"],
    }.get(type, "text")
    contact = Contact("eve@example.com", values={made.key: value})
    assert play.connector.upsert(play.ground.list_id, [contact], fields)[0].left_out == ()
    found = play.connector.subscriber(play.ground.list_id, "eve@example.com")
    assert found is not None
    assert made.key in found.values
    with pytest.raises(Conflict):
        play.connector.create_field(play.ground.list_id, "Made by us", type, ("one", "two"))


def test_a_person_arrives_with_values_and_changes(play: Play) -> None:
    connector, list_id = play.connector, play.ground.list_id
    fields = connector.fields(list_id)
    city, number, many = (
        play.field(type).key for type in (FieldType.TEXT, FieldType.NUMBER, FieldType.MANY_OF)
    )
    address = "Zoë.O’Neil+bikes@example.com".replace("ë", "e").replace("’", "'")
    first = Contact(
        address,
        "Zoë O’Neil",
        {city: "’s-Hertogenbosch 👍", number: Decimal(0), many: ["Racing", "Repair"]},
        True,
    )
    assert [o.status for o in connector.upsert(list_id, [first], fields)] == [Status.DONE]
    found = connector.subscriber(list_id, address)
    assert found is not None
    assert (found.state, found.name, found.consent_to_track) == (State.ACTIVE, "Zoë O’Neil", True)
    assert found.values == {city: "’s-Hertogenbosch 👍", number: "0", many: ["Racing", "Repair"]}

    connector.upsert(list_id, [Contact(address.upper(), values={city: "", many: ["Touring"]})], fields)
    found = connector.subscriber(list_id, address)
    assert found is not None
    assert (found.name, found.consent_to_track) == ("Zoë O’Neil", True)
    assert found.values == {number: "0", many: "Touring"}

    connector.upsert(list_id, [Contact(address, values={number: None, many: []})], fields)
    found = connector.subscriber(list_id, address)
    assert found is not None
    assert found.values == {}


def test_a_full_batch_has_one_outcome_each_in_order_and_takes_one_call(play: Play) -> None:
    size = play.connector.spec.limits.batch
    contacts = [Contact(f"person{n * 7919 % size}@example.com") for n in range(size)]
    outcomes = play.connector.upsert(play.ground.list_id, contacts)
    assert [o.address for o in outcomes] == [c.address for c in contacts]
    assert {o.status for o in outcomes} == {Status.DONE}
    assert len(play.kept) == 1


def test_a_partial_success_refuses_exactly_those_named(play: Play) -> None:
    stage, list_id = play.stage, play.ground.list_id
    expected = {
        stage.standing[state]: state for state in stage.standing if state not in (State.ACTIVE, State.REMOVED)
    }
    expected[stage.standing[State.REMOVED]] = State.REMOVED
    addresses = [
        "first@example.com",
        stage.refused_address,
        *expected,
        "FIRST@example.com",
        "last@example.com",
    ]
    outcomes = play.connector.upsert(list_id, [Contact(address, "New name") for address in addresses])
    assert [o.address for o in outcomes] == addresses
    for outcome in outcomes:
        if outcome.address.lower() in ("first@example.com", "last@example.com"):
            assert outcome.status is Status.DONE
        else:
            assert outcome.status is Status.REFUSED
            assert outcome.code
            assert outcome.words
            assert outcome.state is expected.get(outcome.address)
    for address in ("first@example.com", "last@example.com"):
        found = play.connector.subscriber(list_id, address)
        assert found is not None
        assert found.state is State.ACTIVE


def test_who_opted_out_stays_out(play: Play) -> None:
    list_id = play.ground.list_id
    out = [State.UNSUBSCRIBED, State.BOUNCED, State.REMOVED, State.UNCONFIRMED]
    play.connector.upsert(list_id, [Contact(play.stage.standing[state], "Back?") for state in out])
    for state in out:
        found = play.connector.subscriber(list_id, play.stage.standing[state])
        assert found is not None
        assert found.state is state
        assert found.name != "Back?"


def test_unsubscribe_and_remove_are_done_once_or_twice(play: Play) -> None:
    for flag, verb, state in (
        (Can.UNSUBSCRIBE, play.connector.unsubscribe, State.UNSUBSCRIBED),
        (Can.REMOVE, play.connector.remove, State.REMOVED),
    ):
        if not play.can(flag):
            continue
        address = f"{state}+by-us@example.com"
        play.connector.upsert(play.ground.list_id, [Contact(address)])
        for _ in range(2):
            outcomes = verb(play.ground.list_id, [address, "never@example.com", address.upper()])
            assert [(o.address, o.status) for o in outcomes] == [
                (address, Status.DONE),
                ("never@example.com", Status.DONE),
                (address.upper(), Status.DONE),
            ]
            found = play.connector.subscriber(play.ground.list_id, address)
            assert found is not None
            assert found.state is state


def test_repeating_an_import_whose_answer_was_lost_has_one_effect(play: Play) -> None:
    play.simulator.faults([{"kind": "reset_after", "match": play.stage.operations["upsert"]}])
    contact = Contact("eve@example.com", "Eve")
    with pytest.raises(Unreachable):
        play.connector.upsert(play.ground.list_id, [contact])
    assert play.connector.upsert(play.ground.list_id, [contact])[0].status is Status.DONE
    count = play.simulator.addresses(play.ground.list_id)["eve@example.com"]
    assert count["effects"] == 1


def test_states_are_read(play: Play) -> None:
    for state, address in play.stage.standing.items():
        found = play.connector.subscriber(play.ground.list_id, address)
        if state is not State.SUPPRESSED:
            assert found is not None
            assert found.state is state
    assert play.connector.subscriber(play.ground.list_id, "never@example.com") is None


def test_eight_threads_share_a_connector(play: Play) -> None:
    """Each gets its own answers, over no more connections than the pool holds."""

    def one(number: int) -> list[str]:
        contacts = [Contact(f"p{number}-{n}@example.com") for n in range(50)]
        return [o.address for o in play.connector.upsert(play.ground.list_id, contacts)]

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(one, range(40)))
    assert answers == [[f"p{number}-{n}@example.com" for n in range(50)] for number in range(40)]
    assert len(play.simulator.addresses(play.ground.list_id)) >= 2000


def test_nothing_that_is_kept_holds_a_secret_or_an_address(play: Play) -> None:
    for flag, act in VERBS.values():
        if flag is None or play.can(flag):
            act(play)
    text = repr(play.kept)
    assert len(play.kept) >= len(VERBS) - 2
    for name in play.connector.spec.secrets():
        assert play.stage.settings[name] not in text
    for whole in ("eve@", "active@", "eve%40", "active%40"):
        assert whole not in text.replace("inactive@", "")
