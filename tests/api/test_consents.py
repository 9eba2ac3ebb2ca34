"""Consents over HTTP: dated answers, the latest holds, denial wins."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audiences.models import Member, Profile
from syncapp.accounts import scope

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
ANSWER = {"state": "granted", "occurred_at": "2026-06-01T12:00:00Z", "source": "form"}


@pytest.fixture(autouse=True)
def jan(api, objective_of, ann_account):
    objective_of(ann_account)
    objective_of(ann_account, "service")
    api.put("/contacts/c-1", {"email": "jan@example.nl"})


def put(api, purpose="newsletter", **fields):
    return api.put(f"/contacts/c-1/consents/{purpose}", {**ANSWER, **fields})


def test_an_answer_is_recorded_with_its_proof(api):
    proof = {"ip": "192.0.2.1", "url": "https://shop.example", "text_version": "3"}
    answer = put(api, method="double_opt_in", proof=proof)
    assert answer.status_code == 200
    assert answer.json() == {
        "purpose": "newsletter",
        "applied": True,
        "reason": None,
        "state": "granted",
        "at": "2026-06-01T12:00:00Z",
    }
    read = api.get("/contacts/c-1/consents").json()
    assert read["consents"] == {"newsletter": {"state": "granted", "at": "2026-06-01T12:00:00Z"}}
    (entry,) = read["items"]
    assert (entry["purpose"], entry["method"], entry["told_by"]) == ("newsletter", "double_opt_in", "api:ERP")
    assert (entry["source"], entry["channel"], entry["proof"]) == ("form", "email", proof)
    assert api.get("/contacts/c-1").json()["consents"] == read["consents"]


def test_older_answers_are_kept_and_change_nothing(api):
    put(api, state="denied")
    stale = put(api, occurred_at="2026-05-01T12:00:00Z").json()
    assert (stale["applied"], stale["reason"], stale["state"]) == (False, "stale", "denied")
    same_moment = put(api).json()
    assert (same_moment["applied"], same_moment["reason"], same_moment["state"]) == (False, "stale", "denied")
    assert put(api, state="denied").json()["reason"] == "unchanged"
    assert len(api.get("/contacts/c-1/consents").json()["items"]) == 3


@pytest.mark.parametrize(
    ("fields", "status", "code"),
    [
        ({"occurred_at": "2199-01-01T00:00:00Z"}, 422, "timestamp_in_future"),
        ({"occurred_at": "0001-01-01T00:00:00Z"}, 422, "validation_failed"),
        ({"occurred_at": "2026-06-01"}, 422, "validation_failed"),
        ({"source": ""}, 422, "validation_failed"),
        ({"channel": "sms"}, 422, "validation_failed"),
        ({"state": "maybe"}, 422, "validation_failed"),
        ({"proof": {"surprise": "1"}}, 422, "validation_failed"),
        ({"purpose": "sales"}, 404, "objective_not_found"),
        ({"purpose": "%FF"}, 404, "objective_not_found"),
    ],
)
def test_what_cannot_be_recorded(api, fields, status, code):
    answer = put(api, **fields)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert api.get("/contacts/c-1/consents").json()["items"] == []


def test_nobody_unknown_consents(api):
    answer = api.put("/contacts/nobody/consents/newsletter", ANSWER)
    assert (answer.status_code, answer.json()["code"]) == (404, "contact_not_found")


def test_consent_and_membership_do_not_touch_each_other(api, vip, ann_account):
    api.batch("vip-2024", {"add": ["c-1"]})
    assert api.get("/contacts/c-1").json()["consents"] == {}
    assert api.get("/audiences/vip-2024").json()["reachable_count"] == {"newsletter": 0, "service": 0}
    version = api.get("/audiences/vip-2024").json()["version"]
    put(api)
    audience = api.get("/audiences/vip-2024").json()
    assert (audience["version"], audience["reachable_count"]["newsletter"]) == (version, 1)
    put(api, state="denied", occurred_at="2026-06-02T12:00:00Z")
    assert api.get("/audiences/vip-2024").json()["reachable_count"]["newsletter"] == 0
    with scope.account(ann_account):
        assert Member.objects.get().state == "member"


def test_the_ledger_is_read_page_by_page(api):
    for day in range(1, 6):
        put(api, occurred_at=f"2026-05-0{day}T12:00:00Z")
    seen, query = [], "?limit=2"
    while True:
        page = api.get(f"/contacts/c-1/consents{query}").json()
        seen += [entry["occurred_at"][:10] for entry in page["items"]]
        if page["next_cursor"] is None:
            break
        query = f"?limit=2&cursor={page['next_cursor']}"
    assert seen == [f"2026-05-0{day}" for day in range(5, 0, -1)]
    api.put("/contacts/c-2", {})
    first = api.get("/contacts/c-1/consents?limit=2").json()["next_cursor"]
    assert api.get(f"/contacts/c-2/consents?cursor={first}").status_code == 422


moments = st.integers(0, 5).map(lambda hours: (NOW + timedelta(hours=hours)).isoformat())
purposes = st.sampled_from(["newsletter", "service"])
said = st.tuples(
    st.sampled_from(["put", "members", "contacts"]), purposes, st.sampled_from(["granted", "denied"]), moments
)


def say(api, way, purpose, state, at):
    if way == "put":
        return api.put(
            f"/contacts/c-1/consents/{purpose}", {"state": state, "occurred_at": at, "source": "form"}
        )
    consent = {"objective": purpose, "state": state, "occurred_at": at}
    if way == "members":
        operation = {"op": "add", "id": "c-1", "consents": [consent]}
        return api.batch("vip-2024", {"operations": [operation]})
    return api.post("/contacts/batch", {"contacts": [{"external_id": "c-1", "consents": [consent]}]})


def expected(history):
    """By definition: of the latest answers to a purpose, denied if any of them is."""
    found = {}
    for purpose in {one[1] for one in history}:
        latest = max(at for _, about, _, at in history if about == purpose)
        states = {state for _, about, state, at in history if (about, at) == (purpose, latest)}
        found[purpose] = "denied" if "denied" in states else "granted"
    return found


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(history=st.lists(said, min_size=1, max_size=8))
def test_whatever_the_way_and_order_the_same_holds(api, vip, ann_account, history):
    """Bulk grants against later denials included; repeats and reordering, too."""
    with scope.account(ann_account):
        Profile.objects.filter(external_id="c-1").delete()
    api.put("/contacts/c-1", {})
    for one in history:
        assert say(api, *one).status_code == 200
    held = api.get("/contacts/c-1").json()["consents"]
    assert {purpose: answer["state"] for purpose, answer in held.items()} == expected(history)


def test_an_opt_in_in_bulk_that_a_later_opt_out_outlives_is_told(api, vip):
    put(api, state="denied", occurred_at="2026-06-01T09:00:00Z")
    answer = {"objective": "newsletter", "state": "granted"}
    old, new = ({"consents": [{**answer, "occurred_at": f"2026-0{month}-01T09:00:00Z"}]} for month in (5, 7))
    members = {"operations": [{"op": "add", "id": "c-2"}, {"op": "add", "id": "c-1", **old}]}
    contacts = {"contacts": [{"external_id": "c-2"}, {"external_id": "c-1", **old}]}
    for stored, place in (
        (api.batch("vip-2024", members), "operations"),
        (api.post("/contacts/batch", contacts), "contacts"),
    ):
        assert stored.status_code == 200
        assert [(one["code"], one["pointer"]) for one in stored.json()["warnings"]] == [
            ("stale", f"/{place}/1/consents")
        ]
    assert api.get("/contacts/c-1").json()["consents"]["newsletter"]["state"] == "denied"
    contacts = {"contacts": [{"external_id": "c-1", **new}]}
    assert api.post("/contacts/batch", contacts).json()["warnings"] == []
