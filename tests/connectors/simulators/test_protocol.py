"""Authentication, ownership, shapes and paging as in the reference of v3.3."""

from __future__ import annotations

import httpx
import pytest

from .conftest import API_KEY, Place, basic

NO_KEY = {"Code": 100, "Message": "Invalid API Key"}


def test_authentication_comes_before_routing(place: Place) -> None:
    base = place.running.base_url
    for url in (f"{base}clients.json", f"{base}no/such/path.json"):
        for headers in ({}, basic("wrong"), {"Authorization": "Basic ???"}):
            answer = httpx.get(url, headers=headers)
            assert (answer.status_code, answer.json()) == (401, NO_KEY)
    assert place.http.get("no/such/path.json").json()["Code"] == 404


@pytest.mark.parametrize(("standing", "code"), [("expired", 121), ("revoked", 122), ("unknown", 120)])
def test_a_bearer_token_that_does_not_open(place: Place, standing: str, code: int) -> None:
    place.running.act("set-token", token="t+/=", standing=standing)
    answer = httpx.get(f"{place.running.base_url}clients.json", headers={"Authorization": "Bearer t+/="})
    assert (answer.status_code, answer.json()["Code"]) == (401, code)


def test_a_clients_key_sees_that_client_only(place: Place) -> None:
    other = place.running.seed({"clients": [{"name": "Bob’s Books", "lists": [{"title": "Bob’s"}]}]})[
        "clients"
    ][0]
    with httpx.Client(base_url=place.running.base_url, headers=basic(place.client["api_key"])) as http:
        assert http.get("clients.json").json() == [{"ClientID": place.client_id, "Name": "Ann’s Bicycles"}]
        foreign = http.get(f"clients/{other['id']}/lists.json")
        assert (foreign.status_code, foreign.json()["Code"]) == (401, 102)
        foreign = http.get(f"lists/{other['lists'][0]['id']}.json")
        assert (foreign.status_code, foreign.json()["Code"]) == (401, 101)


def test_an_unknown_list_as_the_knob_says(place: Place) -> None:
    assert place.http.get("lists/feed.json").json() == {"Code": 101, "Message": "Invalid ListID"}
    place.running.knobs(unknown_list="102/401")
    answer = place.http.get("lists/feed.json")
    assert (answer.status_code, answer.json()["Code"]) == (401, 102)


def test_without_json_the_answer_is_xml(place: Place) -> None:
    answer = place.http.get("clients", headers={"Accept": "*/*"})
    assert answer.headers["content-type"].startswith("application/xml")
    assert "<Name>Ann’s Bicycles</Name>" in answer.text
    assert place.http.get("clients", headers={"Accept": "application/json"}).json()


def test_client_details_leak_a_working_key(place: Place) -> None:
    details = place.http.get(f"clients/{place.client_id}.json").json()
    key = details["ApiKey"]
    assert len(key) == 48
    assert httpx.get(f"{place.running.base_url}clients.json", headers=basic(key)).status_code == 200
    assert details["BasicDetails"]["TimeZone"].startswith("(GMT")


def test_creations_are_bare_strings_and_changes_empty(place: Place) -> None:
    created = place.http.post(
        f"lists/{place.client_id}.json", json={"title": "Third"}
    )  # names bind in any case
    assert created.status_code == 201
    list_id = created.json()
    assert len(list_id) == 32
    changed = place.http.put(f"lists/{list_id}.json", json={"Title": "Renamed", "ConfirmedOptIn": True})
    assert (changed.status_code, changed.content) == (200, b"")
    assert place.http.get(f"lists/{list_id}.json").json() == {
        "ConfirmedOptIn": True,
        "Title": "Renamed",
        "UnsubscribePage": "",
        "ListID": list_id,
        "ConfirmationSuccessPage": "",
        "UnsubscribeSetting": "AllClientLists",
    }
    assert place.http.delete(f"lists/{list_id}.json").content == b""
    assert place.http.get(f"lists/{list_id}.json").status_code == 401


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"Title": "news"}, 250),
        ({"Title": " "}, 251),
        ({"Title": "X", "UnsubscribeSetting": "Some"}, 261),
        ({"Title": ["X"]}, 400),
    ],
)
def test_a_list_that_cannot_be_made(place: Place, body: dict[str, object], code: int) -> None:
    answer = place.http.post(f"lists/{place.client_id}.json", json=body)
    assert (answer.status_code, answer.json()["Code"]) == (400, code)


def test_pages_come_in_the_envelope(place: Place) -> None:
    place.send_import(*({"EmailAddress": f"p{n:02}@example.com", "Name": f"P{n}"} for n in range(25)))
    answer = place.http.get(f"lists/{place.list_id}/active.json?page=3&PageSize=10&orderfield=email").json()
    assert [row["EmailAddress"] for row in answer.pop("Results")] == [
        f"p{n}@example.com" for n in range(20, 25)
    ]
    assert answer == {
        "ResultsOrderedBy": "email",
        "OrderDirection": "asc",
        "PageNumber": 3,
        "PageSize": 10,
        "RecordsOnThisPage": 5,
        "TotalNumberOfRecords": 25,
        "NumberOfPages": 3,
    }
    past = place.http.get(f"lists/{place.list_id}/active.json?page=9&pagesize=10")
    assert (past.status_code, past.json()["Results"]) == (200, [])


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("page=0", 800),
        ("pagesize=9", 801),
        ("pagesize=1001", 801),
        ("orderfield=age", 802),
        ("orderdirection=up", 803),
        ("date=yesterday", 5),
    ],
)
def test_a_page_that_cannot_be_asked(place: Place, query: str, code: int) -> None:
    answer = place.http.get(f"lists/{place.list_id}/active.json?{query}")
    assert (answer.status_code, answer.json()["Code"]) == (400, code)


def test_dates_are_local_to_the_client_and_filter_by_state_change(place: Place) -> None:
    moment = 1_700_000_000.0  # 2023-11-14 23:13:20 in Amsterdam
    person = {"email": "old@example.com", "changed": moment}
    place.running.seed(
        {
            "clients": [
                {
                    "id": place.client_id,
                    "lists": [{"id": place.list_id, "title": "", "subscribers": [person]}],
                }
            ]
        }
    )
    place.send_import({"EmailAddress": "new@example.com"})
    active = f"lists/{place.list_id}/active.json"
    rows = place.http.get(active).json()["Results"]
    assert rows[1]["Date"] == rows[1]["ListJoinedDate"] == "2023-11-14 23:13:20"
    for since, expected in (("2023-11-14", 2), ("2023-11-14 23:13:20", 2), ("2023-11-14 23:14", 1)):
        assert len(place.http.get(active, params={"date": since}).json()["Results"]) == expected


def test_a_body_in_chunks_and_an_answer_in_gzip(place: Place) -> None:
    place.send_import(*({"EmailAddress": f"p{n}@example.com"} for n in range(100)))
    answer = place.http.get(f"lists/{place.list_id}/active.json")
    assert answer.headers["content-encoding"] == "gzip"
    chunks = iter([b'{"EmailAddress":', b'"p1@example.com"}'])
    gone = place.http.post(f"subscribers/{place.list_id}/unsubscribe.json", content=chunks)
    assert gone.status_code == 200
    assert place.state("p1@example.com") == "Unsubscribed"


def test_webhooks_are_managed(place: Place) -> None:
    path = f"lists/{place.list_id}/webhooks"
    body = {"Events": ["Subscribe"], "Url": "https://example.com/in", "PayloadFormat": "json"}
    hook = place.http.post(f"{path}.json", json=body).json()
    place.http.put(f"{path}/{hook}/deactivate.json")
    assert place.http.get(f"{path}.json").json() == [
        {
            "WebhookID": hook,
            "Events": ["Subscribe"],
            "Url": "https://example.com/in",
            "Status": "Inactive",
            "PayloadFormat": "Json",
        }
    ]
    for wrong, code in (({"Url": "x"}, 601), ({"PayloadFormat": "csv"}, 602), ({"Events": ["Open"]}, 603)):
        assert place.http.post(f"{path}.json", json=body | wrong).json()["Code"] == code
    place.http.delete(f"{path}/{hook}.json")
    assert place.http.get(f"{path}.json").json() == []


def test_a_revoked_key_opens_nothing(place: Place) -> None:
    place.running.act("revoke-key", api_key=API_KEY)
    assert place.http.get("clients.json").json() == NO_KEY
