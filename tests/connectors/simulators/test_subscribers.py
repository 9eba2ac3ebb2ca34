"""Import, add, update, unsubscribe and delete, with the quirks that lose data or consent."""

from __future__ import annotations

import time
from typing import Any

import pytest

from .conftest import Place


def test_an_import_where_all_is_well(place: Place) -> None:
    answer = place.send_import({"EmailAddress": "a@example.com"}, {"EmailAddress": "b@example.com"})
    assert answer.status_code == 201
    assert answer.json() == {
        "FailureDetails": [],
        "TotalUniqueEmailsSubmitted": 2,
        "TotalExistingSubscribers": 0,
        "TotalNewSubscribers": 2,
        "DuplicateEmailsInSubmission": [],
    }


def test_a_partial_import_is_400_and_writes_the_rest(place: Place) -> None:
    place.send_import({"EmailAddress": "a@example.com"}, {"EmailAddress": "b@example.com"})
    answer = place.send_import(
        {"EmailAddress": "example+1@example"},
        {"EmailAddress": "a@example.com", "Name": "A"},
        {"EmailAddress": "b@example.com"},
    )
    assert answer.status_code == 400
    assert answer.json() == {
        "ResultData": {
            "TotalUniqueEmailsSubmitted": 3,
            "TotalExistingSubscribers": 2,
            "TotalNewSubscribers": 0,
            "DuplicateEmailsInSubmission": [],
            "FailureDetails": [
                {"EmailAddress": "example+1@example", "Code": 1, "Message": "Invalid Email Address"}
            ],
        },
        "Code": 210,
        "Message": "Subscriber Import had some failures",
    }
    assert place.details("a@example.com").json()["Name"] == "A"


def test_duplicates_fold_whatever_their_case_and_the_last_wins(place: Place) -> None:
    answer = place.send_import(
        {"EmailAddress": "Ann@Example.com", "Name": "First"},
        {"EmailAddress": " ann@example.com ", "Name": "Second"},
        {"EmailAddress": "ANN@example.com", "Name": "Third"},
    ).json()
    assert answer["DuplicateEmailsInSubmission"] == ["Ann@Example.com"]
    assert (answer["TotalUniqueEmailsSubmitted"], answer["TotalNewSubscribers"]) == (1, 1)
    assert place.details("aNN@example.com").json()["Name"] == "Third"


def test_too_many_or_none(place: Place) -> None:
    many = [{"EmailAddress": f"p{n}@example.com"} for n in range(1001)]
    assert place.send_import(*many).json()["Code"] == 209
    assert place.send_import().json()["Code"] == 212
    assert place.running.subscribers(place.list_id) == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"ConsentToTrack": True},
        {"CustomFields": False},
        {"CustomFields": {}},
        {"CustomFields": [{"Key": "City", "Value": ["Ghent"]}]},
        {"EmailAddress": 7},
    ],
)
def test_one_wrong_type_refuses_the_whole_batch(place: Place, wrong: dict[str, Any]) -> None:
    answer = place.send_import({"EmailAddress": "a@example.com"}, {"EmailAddress": "b@example.com", **wrong})
    assert answer.status_code == 400
    assert answer.json() == {
        "Code": 400,
        "Message": "Failed to deserialize your request.\r\nPlease check the documentation and try again."
        "\r\nFields in error: subscribers",
    }
    assert place.running.subscribers(place.list_id) == []


@pytest.mark.parametrize("body", [b"", b"{", b"[1]", b"null", b"\xff", b"[" * 100_000, b'{"Subscribers": 1}'])
def test_a_body_that_cannot_be_read(place: Place, body: bytes) -> None:
    answer = place.http.post(f"subscribers/{place.list_id}/import.json", content=body)
    assert (answer.status_code, answer.json()["Code"]) == (400, 400)


def test_property_names_bind_in_any_case_and_unknown_ones_are_dropped(place: Place) -> None:
    body = {
        "subscribers": [
            {
                "EMAILADDRESS": "a@example.com",
                "consenttotrack": "yes",
                "Colour": "red",
                "customFields": [{"key": "City", "VALUE": "Ghent", "Comment": 1}],
            }
        ],
        "QueueSubscriptionBasedAutoresponders": False,
        "title": 7,
    }
    assert place.http.post(f"subscribers/{place.list_id}/import.json", json=body).status_code == 201
    assert place.values("a@example.com") == [("[City]", "Ghent")]


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"EmailAddress": "a b@example.com"}, 1),
        ({"EmailAddress": ""}, 1),
        ({"ConsentToTrack": None}, 214),
        ({"ConsentToTrack": "true"}, 215),
        ({"MobileNumber": "06-123"}, 220),
    ],
)
def test_a_person_who_cannot_be_imported(place: Place, wrong: dict[str, Any], code: int) -> None:
    answer = place.send_import({"EmailAddress": "a@example.com", **wrong}, {"EmailAddress": "b@example.com"})
    assert [failure["Code"] for failure in answer.json()["ResultData"]["FailureDetails"]] == [code]
    assert place.state("b@example.com") == "Active"


def test_the_state_table_without_resubscribe(place: Place) -> None:
    """Reference, section 9.6. Suppression counts on AllClientLists only."""
    states = ["Active", "Unconfirmed", "Unsubscribed", "Bounced", "Deleted"]
    people = [{"email": f"{state}@example.com".lower(), "state": state} for state in states]
    place.running.seed(
        {
            "clients": [
                {
                    "id": place.client_id,
                    "lists": [{"id": place.other_list_id, "title": "", "subscribers": people}],
                    "suppressed": [{"email": "active@example.com"}, {"email": "never@example.com"}],
                }
            ]
        }
    )
    rows = [{"EmailAddress": person["email"]} for person in people]
    details = place.send_import(*rows, list_id=place.other_list_id).json()["ResultData"]
    codes = {failure["EmailAddress"]: failure["Code"] for failure in details["FailureDetails"]}
    assert codes == {
        "unconfirmed@example.com": 208,
        "unsubscribed@example.com": 206,
        "bounced@example.com": 207,
        "deleted@example.com": 205,
    }
    suppressed = place.send_import({"EmailAddress": "never@example.com"}).json()["ResultData"]
    assert suppressed["FailureDetails"][0]["Code"] == 204
    place.running.knobs(suppress_blocks_new=False)
    assert place.send_import({"EmailAddress": "never@example.com"}).status_code == 201


def test_resubscribe_brings_everybody_back_and_keeps_the_suppression(place: Place) -> None:
    place.send_import({"EmailAddress": "ann@example.com"})
    place.http.post(f"subscribers/{place.list_id}/unsubscribe.json", json={"EmailAddress": "ann@example.com"})
    assert place.send_import({"EmailAddress": "ann@example.com"}, Resubscribe=True).status_code == 201
    assert place.state("ann@example.com") == "Active"
    suppressed = place.http.get(f"clients/{place.client_id}/suppressionlist.json").json()["Results"]
    assert [row["EmailAddress"] for row in suppressed] == ["ann@example.com"]


def test_an_unknown_key_is_dropped_without_a_word(place: Place) -> None:
    fields = [{"Key": "Citty", "Value": "Ghent"}, {"Key": "[City]", "Value": "Bruges"}]
    assert place.send_import({"EmailAddress": "a@example.com", "CustomFields": fields}).status_code == 201
    assert place.values("a@example.com") == [("[City]", "Bruges")]


def test_many_options_replace_the_selection(place: Place) -> None:
    def choose(*fields: dict[str, Any]) -> list[str]:
        place.send_import({"EmailAddress": "a@example.com", "CustomFields": list(fields)})
        return [value for key, value in place.values("a@example.com") if key == "[Interests]"]

    interests = {"Key": "Interests"}
    assert choose(interests | {"Value": "Roses"}, interests | {"Value": "Herbs"}) == ["Roses", "Herbs"]
    assert choose(interests | {"Value": "Trees"}) == ["Trees"]
    assert choose({"Key": "City", "Value": "Ghent"}) == ["Trees"]
    assert choose(interests | {"Value": "Roses"}, interests | {"Value": "Weeds"}) == ["Roses"]
    assert choose(interests | {"Value": ""}) == ["Roses"]
    assert choose(interests | {"Value": "Roses", "Clear": True}) == []


def test_values_are_cut_ignored_or_cleared(place: Place) -> None:
    def write(key: str, value: Any, **more: Any) -> dict[str, str]:
        row = {"EmailAddress": "a@example.com", "CustomFields": [{"Key": key, "Value": value, **more}]}
        assert place.send_import(row).status_code == 201
        return dict(place.values("a@example.com"))

    assert write("City", "x" * 300) == {"[City]": "x" * 250}
    assert write("City", "") == {"[City]": "x" * 250}  # an empty value alone clears nothing
    assert write("City", "", Clear=True) == {}
    assert write("Dateofbirth", "1980/02/03") == {"[Dateofbirth]": "1980-02-03"}
    assert write("Date of birth", "2080-01-01") == {"[Dateofbirth]": "1980-02-03"}
    assert write("Date of birth", "31/12/1990") == {"[Dateofbirth]": "1980-02-03"}
    assert write("Date of birth", "0000-00-00") == {}
    assert write("Age", "old") == {}
    assert write("Age", 41) == {"[Age]": "41"}
    assert write("Size", "large") == {"[Age]": "41", "[Size]": "Large"}
    place.running.knobs(text_overflow="error810", keys="fieldname")
    refused = place.send_import(
        {"EmailAddress": "a@example.com", "CustomFields": [{"Key": "City", "Value": "x" * 251}]}
    )
    assert refused.json()["ResultData"]["FailureDetails"][0]["Code"] == 810
    assert dict(place.values("a@example.com")) == {"Age": "41", "Size": "Large"}


def test_add_answers_with_the_address_and_is_an_upsert(place: Place) -> None:
    path = f"subscribers/{place.list_id}.json"
    body = {
        "EmailAddress": "Ann@example.com",
        "Name": "Ann",
        "ConsentToTrack": "Yes",
        "MobileNumber": "+31612345678",
    }
    answer = place.http.post(path, json=body)
    assert (answer.status_code, answer.json()) == (201, "Ann@example.com")
    place.http.post(path, json={"EmailAddress": "ann@example.com", "ConsentToTrack": "Unchanged"})
    shown = place.details("ann@example.com", includetrackingpreference="True").json()
    assert (shown["Name"], shown["ConsentToTrack"], shown["MobileNumber"]) == ("Ann", "Yes", "+31612345678")
    assert place.http.post(path, json={"EmailAddress": "ann@example.com"}).json()["Code"] == 214


def test_an_add_may_show_later(place: Place) -> None:
    place.running.knobs(add_delay_ms=300)
    path = f"subscribers/{place.list_id}.json"
    place.http.post(path, json={"EmailAddress": "ann@example.com", "ConsentToTrack": "Yes"})
    assert place.details("ann@example.com").json()["Code"] == 203
    time.sleep(0.4)
    assert place.state("ann@example.com") == "Active"


def test_update_selects_by_the_query_and_renames_by_the_body(place: Place) -> None:
    place.send_import({"EmailAddress": "old+1@example.com"}, {"EmailAddress": "taken@example.com"})
    path = f"subscribers/{place.list_id}.json"

    def update(old: str, new: str) -> tuple[int, bytes | int]:
        answer = place.http.put(
            path, params={"email": old}, json={"EmailAddress": new, "ConsentToTrack": "No"}
        )
        return answer.status_code, answer.json()["Code"] if answer.content else b""

    assert update("old+1@example.com", "taken@example.com") == (400, 201)
    assert update("old+1@example.com", "nothing") == (400, 211)
    assert update("nobody@example.com", "nobody@example.com") == (400, 203)
    assert update("old+1@example.com", "new@example.com") == (200, b"")
    assert place.details("old+1@example.com").json()["Code"] == 203
    raw_plus = place.http.get(f"{path}?email=old+1@example.com")
    assert raw_plus.json()["Code"] == 1  # a raw plus is a space


def test_unsubscribing_reaches_all_lists_of_the_client_or_only_this_one(place: Place) -> None:
    for list_id in (place.list_id, place.other_list_id):
        place.send_import(
            {"EmailAddress": "a@example.com"}, {"EmailAddress": "b@example.com"}, list_id=list_id
        )
    only = f"subscribers/{place.other_list_id}/unsubscribe.json"
    assert place.http.post(only, json={"EmailAddress": "a@example.com"}).content == b""
    assert place.state("a@example.com") == "Active"
    everywhere = f"subscribers/{place.list_id}/unsubscribe.json"
    place.http.post(everywhere, json={"EmailAddress": "B@example.com"})
    assert place.state("b@example.com", place.other_list_id) == "Unsubscribed"
    assert (
        place.send_import({"EmailAddress": "b@example.com"}).json()["ResultData"]["FailureDetails"][0]["Code"]
        == 204
    )
    assert place.http.post(everywhere, json={"EmailAddress": "b@example.com"}).status_code == 200
    place.running.knobs(repeat_unsubscribe=203)
    assert place.http.post(everywhere, json={"EmailAddress": "b@example.com"}).json()["Code"] == 203
    assert place.http.post(everywhere, json={"EmailAddress": "c@example.com"}).json()["Code"] == 203


def test_deleted_people_stay_readable_and_unsuppressed(place: Place) -> None:
    place.send_import({"EmailAddress": "a@example.com"})
    path = f"subscribers/{place.list_id}.json"
    assert place.http.delete(path, params={"email": "a@example.com"}).content == b""
    assert place.state("a@example.com") == "Deleted"
    listed = place.http.get(f"lists/{place.list_id}/deleted.json").json()["Results"]
    assert [row["EmailAddress"] for row in listed] == ["a@example.com"]
    assert place.http.delete(path, params={"email": "a@example.com"}).json()["Code"] == 203
    assert place.http.get(f"clients/{place.client_id}/suppressionlist.json").json()["Results"] == []


def test_suppression_by_hand(place: Place) -> None:
    path = f"clients/{place.client_id}"
    for _ in range(2):
        body = {"EmailAddresses": ["a@example.com", "b@example.com"]}
        assert place.http.post(f"{path}/suppress.json", json=body).content == b""
    assert place.http.put(f"{path}/unsuppress.json", params={"email": "A@example.com"}).status_code == 200
    again = place.http.put(f"{path}/unsuppress.json", params={"email": "a@example.com"})
    assert (again.status_code, again.json()["Code"]) == (400, 176)
    rows = place.http.get(f"{path}/suppressionlist.json").json()["Results"]
    assert [(row["EmailAddress"], row["State"], row["SuppressionReason"]) for row in rows] == [
        ("b@example.com", "Suppressed", "Unsubscribed")
    ]


def test_a_confirmed_opt_in_list(place: Place) -> None:
    body = {"Title": "Careful", "ConfirmedOptIn": True}
    careful = place.http.post(f"lists/{place.client_id}.json", json=body).json()
    added = {"EmailAddress": "a@example.com", "ConsentToTrack": "Yes"}
    place.http.post(f"subscribers/{careful}.json", json=added)
    assert place.state("a@example.com", careful) == "Unconfirmed"
    place.send_import({"EmailAddress": "b@example.com"}, list_id=careful)
    assert place.state("b@example.com", careful) == "Active"
    place.http.post(f"subscribers/{careful}.json", json={**added, "Resubscribe": True})
    assert place.state("a@example.com", careful) == "Unconfirmed"
    place.running.act("confirm", list_id=careful, email="a@example.com")
    assert place.state("a@example.com", careful) == "Active"


def test_tracking_consent_belongs_to_the_address_in_the_whole_client(place: Place) -> None:
    for list_id in (place.list_id, place.other_list_id):
        place.send_import({"EmailAddress": "a@example.com"}, list_id=list_id)
    place.send_import({"EmailAddress": "a@example.com", "ConsentToTrack": "No"})
    shown = place.details("a@example.com", place.other_list_id, includetrackingpreference="true").json()
    assert shown["ConsentToTrack"] == "No"


def test_one_address_written_too_often(place: Place) -> None:
    place.running.knobs(subscriber_throttle=True)
    body = {"EmailAddress": "a@example.com", "ConsentToTrack": "Yes"}
    answers = [place.http.post(f"subscribers/{place.list_id}.json", json=body) for _ in range(6)]
    assert [answer.status_code for answer in answers] == [201] * 5 + [429]
    assert "Retry-After" not in answers[5].headers


def test_what_people_do_themselves(place: Place) -> None:
    place.send_import(
        *({"EmailAddress": f"{name}@example.com"} for name in ("link", "spam", "bounce", "edit"))
    )
    run, here = place.running, {"list_id": place.list_id}
    run.act("unsubscribe", email="link@example.com", **here)
    run.act("complain", email="spam@example.com", **here)
    run.act("bounce", email="bounce@example.com", **here)
    run.act("edit", email="edit@example.com", fields={"City": "Ghent", "Interests": ["Herbs"]}, **here)
    states = {person["email"]: person["state"] for person in run.subscribers(place.list_id)}
    assert states == {
        "bounce@example.com": "Bounced",
        "edit@example.com": "Active",
        "link@example.com": "Unsubscribed",
        "spam@example.com": "Unsubscribed",
    }
    assert place.values("edit@example.com") == [("[City]", "Ghent"), ("[Interests]", "Herbs")]
    run.act("delete-list", **here)
    assert place.send_import({"EmailAddress": "a@example.com"}).json()["Code"] == 101


def test_statistics_follow_the_states(place: Place) -> None:
    place.send_import({"EmailAddress": "a@example.com"}, {"EmailAddress": "b@example.com"})
    place.running.act("bounce", list_id=place.list_id, email="b@example.com")
    stats = place.http.get(f"lists/{place.list_id}/stats.json").json()
    assert (stats["TotalActiveSubscribers"], stats["TotalBounces"], stats["BouncesToday"]) == (1, 1, 1)
    assert len(stats) == 24
