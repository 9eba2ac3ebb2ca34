"""One audience over HTTP: put, read, delete."""

from __future__ import annotations

import unicodedata
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

import pytest
from django.db import connection

from audiences import reach, uses
from audiences.models import Audience
from audiences.tasks import recount_reach
from syncapp.accounts import scope
from syncapp.api import limits
from syncapp.audit import activity
from syncapp.work import Slice
from syncapp.work.models import Wakeup

IDS = [
    "a b",
    "a/b",
    "a.b",
    "a+b",
    "100%",
    "%2F",
    "🚲",
    "é",
    "e\u0301",
    "A",
    "-",
    "batch",
    "members",
    "x" * 255,
    "...",
]


def test_put_creates_then_finds_everything_as_it_is(api):
    first = api.put("/audiences/vip-2024", {"name": "VIP 2024", "tags": ["crm"], "source": {"system": "ERP"}})
    assert first.status_code == 201, first.content
    assert first.headers["Location"] == "/api/v1/audiences/vip-2024"
    assert first.headers["ETag"] == '"1"'
    body = first.json()
    assert (body["external_id"], body["name"], body["tags"]) == ("vip-2024", "VIP 2024", ["crm"])
    assert body["source"] == {"client_id": api.key.split("_")[2], "system": "ERP"}
    again = api.put("/audiences/vip-2024", {"name": "VIP 2024"})
    assert (again.status_code, again.json()) == (200, body)
    assert api.get("/audiences/vip-2024").json() == body


def test_put_changes_only_what_it_names_and_null_brings_the_default_back(api):
    api.put("/audiences/a", {"name": "A", "description": "first", "unknown_contacts": "hold"})
    changed = api.put("/audiences/a", {"name": "A", "unknown_contacts": None}).json()
    assert (changed["description"], changed["unknown_contacts"], changed["version"]) == ("first", "reject", 2)


@pytest.mark.parametrize("external_id", IDS)
def test_any_id_is_taken_verbatim(api, external_id):
    path = f"/audiences/{quote(external_id, safe='')}"
    assert api.put(path, {"name": "N", "external_id": external_id}).status_code == 201
    assert api.get(path).json()["external_id"] == external_id
    assert api.batch(external_id, {"add": ["c-1"]}).status_code == 207
    assert api.get(f"{path}/members").json() == {"items": [], "next_cursor": None}
    assert api.delete(path).status_code == 204


@pytest.mark.parametrize("segment", [".", "..", "%2E", "%2e%2e", "", "x" * 256, "%FF", "%00", "%ED%A0%80"])
def test_ids_that_cannot_be_are_refused(api, segment):
    answer = api.put(f"/audiences/{segment}", {"name": "N"})
    assert (answer.status_code, answer.json()["code"]) in [(422, "invalid_external_id"), (404, "not_found")]
    assert (segment == "") == (answer.status_code == 404)


def test_the_id_may_stand_in_the_query(api):
    assert api.put("/audiences/-?external_id=a%2Fb", {"name": "N"}).status_code == 201
    assert api.get("/audiences/a%2Fb").json()["external_id"] == "a/b"
    assert api.get("/audiences/-").status_code == 404
    assert api.post("/audiences/-/members/batch?external_id=a%2Fb", {"add": ["x"]}).status_code == 207


def test_ids_differ_by_case_and_form_but_names_do_not(api):
    assert api.put("/audiences/a", {"name": "Élite"}).status_code == 201
    twin = api.put("/audiences/A", {"name": unicodedata.normalize("NFD", " éLITE ")})
    assert (twin.status_code, twin.json()["code"]) == (409, "name_taken")
    assert twin.json()["conflict"] == {"external_id": "a"}
    assert api.put("/audiences/A", {"name": "Other"}).status_code == 201
    assert api.put("/audiences/A", {"name": "élite"}).json()["code"] == "name_taken"


@pytest.mark.parametrize(
    ("body", "pointer", "code"),
    [
        ({}, "/name", "required"),
        ({"name": ""}, "/name", "invalid"),
        ({"name": "  "}, "/name", "invalid"),
        ({"name": "x" * 256}, "/name", "invalid"),
        ({"name": 5}, "/name", "invalid"),
        ({"name": "a\u0000b"}, "/name", "nul"),
        ({"name": "a", "description": "x" * 2001}, "/description", "invalid"),
        ({"name": "a", "identifier": "phone"}, "/identifier", "invalid"),
        ({"name": "a", "unknown_contacts": "guess"}, "/unknown_contacts", "invalid"),
        ({"name": "a", "account": 1}, "/account", "unknown_field"),
        ({"name": "a", "source": {"client_id": "x"}}, "/source/client_id", "unknown_field"),
        ({"name": "a", "expires_at": "2026-01-01T00:00:00"}, "/expires_at", "invalid"),
        ([], "", "invalid"),
        ("a", "", "invalid"),
        (None, "", "invalid"),
    ],
)
def test_what_is_wrong_is_pointed_to(api, body, pointer, code):
    answer = api.put("/audiences/a", b"null" if body is None else body)
    assert answer.status_code == 422, answer.content
    assert [(error["pointer"], error["code"]) for error in answer.json()["errors"]] == [(pointer, code)]
    assert api.get("/audiences/a").status_code == 404


def test_a_body_for_another_id_is_refused(api):
    answer = api.put("/audiences/a", {"name": "A", "external_id": "b"})
    assert (answer.status_code, answer.json()["code"]) == (422, "external_id_mismatch")


def test_only_listed_fields_can_be_written(api, ann_account, bob_account):
    """Every column of the model is offered; those outside the contract are refused by name."""
    allowed = {"name", "external_id", "description", "identifier", "unknown_contacts", "expires_at"}
    for field in Audience._meta.get_fields():
        answer = api.put("/audiences/a", {"name": "A", field.name: 1})
        if field.name not in allowed:
            assert answer.json()["errors"][0]["code"] == "unknown_field", field.name
    assert api.get("/audiences/a").status_code == 404


def test_conditions(api):
    assert api.put("/audiences/a", {"name": "A"}, if_match="*").status_code == 412
    assert api.put("/audiences/a", {"name": "A"}, if_none_match="*").status_code == 201
    assert api.put("/audiences/a", {"name": "A"}, if_none_match="*").status_code == 412
    assert api.put("/audiences/a", {"name": "B"}, if_match='"7"').status_code == 412
    assert api.put("/audiences/a", {"name": "B"}, if_match='W/"1"').status_code == 412
    assert api.put("/audiences/a", {"name": "B"}, if_match='"7", "1"').headers["ETag"] == '"2"'
    assert api.put("/audiences/a", {"name": "B"}, if_match="2").json()["code"] == "invalid_header"
    assert api.get("/audiences/a", if_none_match='"2"').status_code == 304
    assert api.get("/audiences/a", if_none_match='W/"2"').status_code == 304
    assert api.get("/audiences/a", if_none_match='"1"').status_code == 200
    assert api.delete("/audiences/a", if_match='"1"').status_code == 412
    assert api.delete("/audiences/a", if_match='"2"').status_code == 204


def test_delete_frees_id_and_name_and_may_be_repeated(api):
    api.put("/audiences/a", {"name": "A"})
    assert api.delete("/audiences/a?dry_run=true").json() == {"would_delete": True, "usages": []}
    assert api.get("/audiences/a").status_code == 200
    assert [api.delete("/audiences/a").status_code for _ in range(2)] == [204, 204]
    assert api.get("/audiences/a").json()["code"] == "audience_not_found"
    assert api.batch("a", {"add": ["x"]}).status_code == 404
    assert api.delete("/audiences/never").status_code == 404
    again = api.put("/audiences/a", {"name": "A"})
    assert (again.status_code, again.json()["version"]) == (201, 3)  # an ETag of the old one fits no more


def test_a_misspelt_dry_run_deletes_nothing(api):
    api.put("/audiences/a", {"name": "A"})
    for query in ("dryrun=true", "dry_run=yes", "dry_run=", "dry_run=true&dry_run=false"):
        assert api.delete(f"/audiences/a?{query}").status_code == 422, query
    assert api.get("/audiences/a").status_code == 200


def test_an_audience_in_use_stays(api, monkeypatch):
    api.put("/audiences/a", {"name": "A"})
    use = uses.Use("goal", "7", "Newsletter export", "active", "/admin/goals/7", blocks_delete=True)
    monkeypatch.setattr(uses, "_finders", [lambda audience: [use]])
    answer = api.delete("/audiences/a")
    assert (answer.status_code, answer.json()["code"]) == (409, "audience_in_use")
    assert answer.json()["usages"][0]["name"] == "Newsletter export"
    assert api.delete("/audiences/a?dry_run=true").json()["would_delete"] is False
    assert api.get("/audiences/a").status_code == 200


def test_an_audience_made_by_rules_is_not_changed_here(api, audience_of, ann_account):
    audience_of(ann_account, "Rules", external_id="r", kind=Audience.Kind.RULES)
    assert api.get("/audiences/r").json()["kind"] == "rules"
    for answer in (
        api.put("/audiences/r", {"name": "R"}),
        api.delete("/audiences/r"),
        api.batch("r", {"add": ["x"]}),
    ):
        assert (answer.status_code, answer.json()["code"]) == (409, "audience_not_pushed")


def test_no_more_audiences_than_published(api, monkeypatch):
    monkeypatch.setattr(limits, "AUDIENCES_PER_ACCOUNT", 1)
    assert api.put("/audiences/a", {"name": "A"}).status_code == 201
    assert api.put("/audiences/b", {"name": "B"}).json()["code"] == "audience_limit_reached"
    assert api.get("/limits").json()["audiences_per_account"] == 1


def test_reach_follows_consent_address_and_suppression(api, vip, objective_of, ann_account):
    from audiences.suppressions import suppress

    objective_of(ann_account, "newsletter")
    granted = {"objective": "newsletter", "state": "granted", "occurred_at": "2026-01-01T00:00:00Z"}
    people = [
        {"op": "add", "contact": {"email": f"p{n}@example.nl"}, "consents": [granted]} for n in range(3)
    ]
    people += [{"op": "add", "contact": {"email": "silent@example.nl"}}, {"op": "add", "id": "no-address"}]
    assert api.batch("vip-2024", {"operations": people}).json()["summary"]["added"] == 5
    assert api.get("/audiences/vip-2024").json()["reachable_count"] == {"newsletter": 3}
    with scope.account(ann_account):
        suppress(account=ann_account, address="p1@example.nl", reason="complaint", source="test")
    assert api.get("/audiences/vip-2024").json()["reachable_count"] == {"newsletter": 2}


def without_ids(answer):
    return {name: value for name, value in answer.json().items() if name not in ("request_id", "instance")}


def test_another_accounts_audience_is_as_unknown(api, api_of, bob_account, vip):
    api.batch("vip-2024", {"add": ["c-1"]})
    bobs = api_of(bob_account)
    calls = [
        lambda caller, name: caller.get(f"/audiences/{name}"),
        lambda caller, name: caller.get(f"/audiences/{name}/members"),
        lambda caller, name: caller.batch(name, {"add": ["c-1"]}),
        lambda caller, name: caller.delete(f"/audiences/{name}"),
        lambda caller, name: caller.delete(f"/audiences/{name}?dry_run=true"),
    ]
    for call in calls:
        foreign, unknown = call(bobs, "vip-2024"), call(bobs, "nonsense")
        assert foreign.status_code == unknown.status_code == 404
        assert without_ids(foreign) == without_ids(unknown)
    assert api.members("vip-2024") == ["c-1"]
    created = bobs.put("/audiences/vip-2024", {"name": "VIP 2024"})
    assert (created.status_code, created.json()["member_count"]) == (201, 0)


@pytest.mark.django_db(transaction=True)
def test_parallel_puts_end_in_one_audience(api_of, ann_account):
    api_of(ann_account, "first")
    clients = [api_of(ann_account, f"client {n}") for n in range(8)]

    def put(number):
        try:
            return (
                clients[number]
                .put(f"/audiences/{'same' if number < 6 else number}", {"name": "One"})
                .status_code
            )
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        found = sorted(pool.map(put, range(8)))
    assert found.count(201) == 1
    assert set(found) <= {200, 201, 409}
    with scope.account(ann_account):
        assert Audience.objects.filter(deleted_at=None).count() == 1


def test_a_large_audience_is_counted_in_the_background(api, vip, objective_of, ann_account, monkeypatch):
    """Its figure is kept with its time, and follows changes by one wake-up however many there were."""
    monkeypatch.setattr(reach, "COUNTED_AT_ONCE", 1)
    objective_of(ann_account, "newsletter")
    push_who_agreed(api, "a@example.nl", "b@example.nl")
    first = api.get("/audiences/vip-2024").json()
    assert first["reachable_count"] == {"newsletter": 2}
    push_who_agreed(api, "c@example.nl")
    push_who_agreed(api, "d@example.nl")
    kept = api.get("/audiences/vip-2024").json()
    assert (kept["member_count"], kept["reachable_count"]) == (4, {"newsletter": 2})
    assert kept["reachable_counted_at"] == first["reachable_counted_at"] is not None
    with scope.account(ann_account):
        assert Wakeup.objects.filter(kind=reach.RECOUNT).count() == 1
        assert recount_reach(ann_account.pk, "", Slice()) is None
    after = api.get("/audiences/vip-2024").json()
    assert after["reachable_count"] == {"newsletter": 4}
    assert after["reachable_counted_at"] > first["reachable_counted_at"]


def test_the_time_of_a_small_audiences_reach_is_the_answers_own(api, vip):
    assert api.get("/audiences/vip-2024").json()["reachable_counted_at"] is None


def push_who_agreed(api, *addresses):
    granted = {"objective": "newsletter", "state": "granted", "occurred_at": "2026-01-01T00:00:00Z"}
    people = [{"op": "add", "contact": {"email": one}, "consents": [granted]} for one in addresses]
    assert api.batch("vip-2024", {"operations": people}).json()["summary"]["added"] == len(addresses)


def test_the_trail_names_the_key(api, ann_account):
    api.put("/audiences/vip", {"name": "VIP"})
    api.put("/audiences/vip", {"name": "Very important"})
    api.delete("/audiences/vip")
    with scope.account(ann_account):
        trail = activity.of_row(Audience, Audience.objects.get(external_id="vip").pk)
    assert len(trail) == 3
    assert {entry.who.split(" ")[:2] == ["API", "key"] for entry in trail} == {True}
