"""What was settled about batches where their contract leaves room, one test each."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta

import pytest

from audiences.models import Audience, Member, MembershipChange, Pending, Profile
from syncapp.accounts import scope
from tests.api.test_batch import adds_up, counted


def sha256(address):
    return hashlib.sha256(address.encode()).hexdigest()


def ago(minutes):
    return (datetime.now(UTC) - timedelta(minutes=minutes)).isoformat()


def summary(api, body, audience="vip-2024"):
    found = api.batch(audience, body).json()["summary"]
    assert adds_up(found)
    return counted(found)


@pytest.fixture
def jan(profile_of, ann_account):
    return profile_of(ann_account, "jan@example.nl", external_id="c-1")


def test_every_accepted_operation_moves_the_time(api, vip, jan, ann_account):
    """With effect or without: a second add at 3 makes a removal at 5 minutes ago stale."""
    assert summary(api, {"emitted_at": ago(10), "add": ["c-1"]}) == {"added": 1}
    assert summary(api, {"emitted_at": ago(3), "add": ["c-1"]}) == {"already_member": 1}
    assert summary(api, {"emitted_at": ago(5), "remove": ["c-1"]}) == {"stale": 1}
    assert summary(api, {"emitted_at": ago(2), "remove": ["c-1"]}) == {"removed": 1}
    assert summary(api, {"emitted_at": ago(1), "remove": ["c-1"]}) == {"not_member": 1}
    assert summary(api, {"emitted_at": ago(1.5), "add": ["c-1"]}) == {"stale": 1}


def test_a_removal_leaves_a_trace_also_of_whom_nobody_knows(api, vip, ann_account):
    late = {"unknown_contacts": "hold", "emitted_at": ago(5)}
    assert summary(api, {**late, "remove": ["c-9"]}) == {"not_member": 1}
    assert summary(api, {**late, "emitted_at": ago(7), "add": ["c-9"]}) == {"stale": 1}
    with scope.account(ann_account):
        trace = Pending.objects.get()
    assert (trace.state, trace.value) == ("removed", "c-9")
    assert timedelta(days=29) < trace.expires_at - datetime.now(UTC) < timedelta(days=31)
    assert api.get("/audiences/vip-2024/held").json()["items"] == []


def test_of_equal_times_the_last_position_wins(api, vip, jan):
    moment = ago(1)
    for last, expected in (("remove", []), ("add", ["c-1"])):
        other = "add" if last == "remove" else "remove"
        operations = [{"op": op, "id": "c-1", "occurred_at": moment} for op in (other, last, other, last)]
        body = api.batch("vip-2024", {"operations": operations}).json()
        assert body["summary"]["superseded"] == 3
        assert [warning["index"] for warning in body["warnings"]] == [0, 1, 2]
        assert {warning["code"] for warning in body["warnings"]} == {"duplicate_in_request"}
        assert api.members("vip-2024") == expected


def test_207_also_when_all_failed_and_200_with_warnings_only(api, vip, jan):
    failed = api.batch("vip-2024", {"unknown_contacts": "reject", "add": ["x", "y"]})
    assert (failed.status_code, counted(failed.json()["summary"])) == (207, {"failed": 2})
    api.batch("vip-2024", {"add": ["c-1"]})
    operations = [{"op": "remove", "id": "c-1", "occurred_at": ago(1)}, {"op": "add", "id": "c-1"}] * 2
    warned = api.batch("vip-2024", {"operations": operations})
    assert (warned.status_code, warned.json()["errors"]) == (200, [])
    assert len(warned.json()["warnings"]) == 3
    stale = api.batch("vip-2024", {"emitted_at": ago(9), "add": ["c-1"]})
    assert (stale.status_code, stale.json()["warnings"][0]["code"]) == (200, "stale")


def test_an_item_of_the_future_fails_alone(api, vip):
    soon, far = ago(-4), ago(-6)
    operations = [
        {"op": "add", "id": "a", "occurred_at": soon},
        {"op": "add", "id": "b", "occurred_at": far},
    ]
    body = api.batch("vip-2024", {"operations": operations}).json()
    assert [(error["index"], error["code"]) for error in body["errors"]] == [(1, "timestamp_in_future")]
    envelope = api.batch("vip-2024", {"emitted_at": far, "add": ["b"]})
    assert (envelope.status_code, envelope.json()["code"]) == (422, "timestamp_in_future")
    assert api.members("vip-2024") == ["a"]


def test_removing_the_unknown_and_the_held_and_holding_twice(api, vip):
    assert summary(api, {"remove": ["c-9"]}) == {"not_member": 1}
    hold = {"unknown_contacts": "hold"}
    assert summary(api, {**hold, "add": ["c-9"]}) == {"held": 1}
    assert summary(api, {**hold, "add": ["c-9"]}) == {"held": 1}
    assert api.get("/audiences/vip-2024").json()["held_count"] == 1
    assert summary(api, {**hold, "remove": ["c-9"]}) == {"removed": 1}
    assert summary(api, {**hold, "remove": ["c-9"]}) == {"not_member": 1}
    assert api.get("/audiences/vip-2024").json()["held_count"] == 0


def test_the_short_form_points_into_its_lists(api, vip):
    body = {"unknown_contacts": "reject", "atomic": True, "remove": ["ok", ""], "add": ["c-3", "c-4"]}
    refused = api.batch("vip-2024", body)
    assert refused.status_code == 422
    assert [error["pointer"] for error in refused.json()["errors"]] == ["/remove/1", "/add/0", "/add/1"]
    assert counted(refused.json()["summary"]) == {"failed": 3, "not_applied": 1}


def test_more_errors_than_fit_are_kept_as_a_job(api, vip):
    ids = ["known", *(f"c-{n}" for n in range(1200)), ""]
    api.batch("vip-2024", {"add": ["known"]})
    answer = api.batch("vip-2024", {"unknown_contacts": "reject", "add": ids}).json()
    assert (len(answer["errors"]), answer["errors_truncated"]) == (1000, True)
    url = answer["errors_url"]
    page = api.get(f"{url}?limit=1000").json()
    rest = api.get(f"{url}?limit=1000&cursor={page['next_cursor']}").json()
    rows = page["items"] + rest["items"]
    assert len(rows) == 1201
    assert rows[0]["original"] == "c-0"
    assert (rows[0]["pointer"], rows[0]["code"]) == ("/add/1", "contact_not_found")
    assert rows[-1]["code"] == "invalid_identifier"
    job = api.get(url.removesuffix("/errors")).json()
    assert (job["kind"], job["state"]) == ("audience_delta", "completed_with_errors")
    assert (job["progress"]["succeeded"], job["progress"]["failed"]) == (1, 1201)


def test_a_refused_atomic_call_keeps_its_errors_too(api, vip, ann_account):
    operations = [{"op": "add", "id": f"c-{n}"} for n in range(1001)]
    body = {"unknown_contacts": "reject", "atomic": True, "operations": operations}
    refused = api.batch("vip-2024", body, idempotency_key="k-1")
    assert refused.status_code == 422
    again = api.batch("vip-2024", body, idempotency_key="k-1")
    assert again.json() | {"request_id": ""} == refused.json() | {"request_id": ""}
    assert len(api.get(refused.json()["errors_url"] + "?limit=1000").json()["items"]) == 1000
    few = api.batch("vip-2024", {"unknown_contacts": "reject", "add": ["c-1"]}).json()
    assert "errors_url" not in few


@pytest.mark.parametrize("field", ["id", "contact"])
def test_people_are_known_by_the_hash_of_their_address(api, vip, jan, field):
    digest = sha256("jan@example.nl")
    assert digest == "a5a44ec75c51b7cc477320c7c519e21b911ae44b3b93c9014dfc36164e195a13"
    item = {"op": "add", field: digest if field == "id" else {"email_sha256": digest}}
    envelope = {"identifier": "email_sha256"}
    assert summary(api, {**envelope, "operations": [item]}) == {"added": 1}
    assert api.members("vip-2024") == ["c-1"]
    assert summary(api, {**envelope, "remove": [digest.upper()]}) == {"removed": 1}


def test_an_audience_may_be_identified_by_hashes_or_our_own_ids(api, jan):
    for identifier, value in (("email_sha256", sha256("jan@example.nl")), ("id", str(jan.pk))):
        made = api.put(f"/audiences/by-{identifier}", {"name": identifier, "identifier": identifier})
        assert (made.status_code, made.json()["identifier"]) == (201, identifier)
        assert summary(api, {"add": [value]}, f"by-{identifier}") == {"added": 1}
        assert api.members(f"by-{identifier}") == ["c-1"]


@pytest.mark.parametrize("value", ["x", "", "g" * 64, "a" * 63, "jan@example.nl"])
def test_what_is_no_hash_fails(api, vip, value):
    body = api.batch("vip-2024", {"identifier": "email_sha256", "add": [value]}).json()
    assert [error["code"] for error in body["errors"]] == ["invalid_identifier"]


def test_a_hash_alone_makes_nobody_and_with_the_address_it_does(api, vip):
    digest = sha256("jan@example.nl")
    item = {"op": "add", "id": digest}
    body = {"identifier": "email_sha256", "operations": [item]}
    assert api.batch("vip-2024", body).json()["errors"][0]["code"] == "contact_not_found"
    item["contact"] = {"email": " Jan@Example.NL "}
    assert summary(api, body) == {"added": 1, "created": 1}
    item["contact"] = {"email": "piet@example.nl"}
    error = api.batch("vip-2024", body).json()["errors"][0]
    assert (error["code"], error["pointer"]) == ("invalid_contact", "/operations/0/contact/email")
    beside = {"op": "add", "contact": {"external_id": "c-1", "email_sha256": digest}}
    error = api.batch("vip-2024", {"operations": [beside]}).json()["errors"][0]
    assert (error["code"], error["pointer"]) == ("invalid_contact", "/operations/0/contact/email_sha256")


def test_a_held_hash_becomes_a_member_when_the_address_appears(api, vip, ann_account):
    digest = sha256("jan@example.nl")
    hold = {"identifier": "email_sha256", "unknown_contacts": "hold"}
    assert summary(api, {**hold, "add": [digest.upper(), sha256("an@example.nl")]}) == {"held": 2}
    held = api.get("/audiences/vip-2024/held").json()["items"]
    assert {(item["identifier"], item["value"]) for item in held} >= {("email_sha256", digest)}
    twice = api.batch("vip-2024", {**hold, "operations": [{"op": "add", "id": digest}] * 2}).json()
    assert counted(twice["summary"]) == {"held": 1, "superseded": 1}
    assert summary(api, {**hold, "remove": [sha256("an@example.nl")]}) == {"removed": 1}
    api.put("/audiences/other", {"name": "Other", "unknown_contacts": "create", "identifier": "email"})
    body = {"add": ["jan@example.nl", "an@example.nl"]}
    assert summary(api, body, "other") == {"added": 2, "created": 2}
    assert api.members("vip-2024") == ["jan@example.nl"]
    shown = api.get("/audiences/vip-2024").json()
    assert (shown["member_count"], shown["held_count"]) == (1, 0)


def test_what_waited_by_two_names_is_decided_by_time(api, vip):
    hold = {"unknown_contacts": "hold"}
    api.batch("vip-2024", {**hold, "identifier": "email", "emitted_at": ago(9), "add": ["jan@example.nl"]})
    late = {**hold, "identifier": "email_sha256", "emitted_at": ago(5)}
    api.batch("vip-2024", {**late, "remove": [sha256("jan@example.nl")]})
    api.put("/audiences/other", {"name": "Other", "unknown_contacts": "create", "identifier": "email"})
    api.batch("other", {"add": ["jan@example.nl"]})
    assert api.members("vip-2024") == []


def test_unknown_fields_fail_the_item_or_the_call(api, vip):
    item = {"op": "add", "id": "a", "contact": {"mail": "x"}}
    found = api.batch("vip-2024", {"operations": [item]}).json()["errors"][0]
    assert (found["code"], found["pointer"]) == ("unknown_field", "/operations/0/contact/mail")
    assert api.batch("vip-2024", {"add": ["a"], "dry_run": True}).status_code == 422


def test_a_call_writes_the_history_and_the_size_of_the_day(api, vip, ann_account):
    api.batch("vip-2024", {"add": ["a", "b", "c"]})
    api.batch("vip-2024", {"add": ["a", "d"], "remove": ["b", "z"]})
    api.batch("vip-2024", {"validate_only": True, "add": ["e"]})
    with scope.account(ann_account):
        audience = Audience.objects.get()
        ids = dict(Profile.objects.values_list("external_id", "pk"))
        first, second = MembershipChange.objects.filter(audience=audience).order_by("pk")
        members = Member.objects.filter(state="member").count()
    assert (first.added, first.removed) == (sorted([ids["a"], ids["b"], ids["c"]]), [])
    assert (second.added, second.removed) == ([ids["d"]], [ids["b"]])
    assert (second.lowest, second.highest) == (ids["b"], ids["d"])
    assert {first.source, second.source} == {"api:ERP"}
    with scope.account(ann_account):
        (size,) = audience.sizes.all()
    assert (size.members, size.day) == (members, datetime.now(UTC).date())


@pytest.mark.parametrize("external_id", [".", ".."])
def test_nobody_gets_an_id_that_no_address_leads_to(api, vip, external_id):
    assert summary(api, {"add": [external_id, "c-1"]}) == {"added": 1, "created": 1, "failed": 1}
    named = {"op": "add", "contact": {"email": "jan@example.nl", "external_id": external_id}}
    refused = api.batch("vip-2024", {"identifier": "email", "operations": [named]}).json()["errors"]
    assert [(one["code"], one["pointer"]) for one in refused] == [
        ("invalid_contact", "/operations/0/contact/external_id")
    ]
    stored = api.post("/contacts/batch", {"contacts": [{"external_id": external_id}]}).json()["errors"]
    assert [(one["code"], one["pointer"]) for one in stored] == [
        ("invalid_identifier", "/contacts/0/external_id")
    ]
