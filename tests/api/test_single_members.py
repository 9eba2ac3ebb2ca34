"""One person in one audience: put, read, take out; who is held, what happened, where somebody is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import pytest

from audiences.models import Audience, Erasure, Member, Pending, Profile
from audiences.suppressions import to_hmac
from syncapp.accounts import scope

BASE = "/audiences/vip-2024/members"


@pytest.fixture
def strict(audience_of, ann_account):
    """Ann's audience that refuses whom nobody knows."""
    return audience_of(ann_account, "Strict", external_id="strict")


@pytest.fixture
def holding(audience_of, ann_account):
    return audience_of(ann_account, "Holding", external_id="holding", unknown_contacts="hold")


@pytest.fixture
def jan(profile_of, ann_account):
    return profile_of(ann_account, "jan@example.nl", external_id="c-1")


def ago(minutes):
    return (datetime.now(UTC) - timedelta(minutes=minutes)).isoformat()


def test_put_adds_once_and_delete_removes_always(api, vip, jan):
    added = api.send("PUT", f"{BASE}/c-1")
    assert added.status_code == 201, added.content
    body = added.json()
    assert added.headers["Location"] == f"/api/v1{BASE}/c-1"
    assert (body["outcome"], body["applied"], body["source"]) == ("added", True, "api:ERP")
    assert body["contact"] == {"external_id": "c-1", "email": "jan@example.nl", "id": str(jan.pk)}
    again = api.send("PUT", f"{BASE}/c-1")
    assert (again.status_code, again.json()["outcome"]) == (200, "already_member")
    assert again.headers["ETag"] == added.headers["ETag"]
    read = api.get(f"{BASE}/c-1")
    assert read.status_code == 200
    assert set(read.json()) == {"contact", "added_at", "last_change_at", "source"}
    assert read.json()["last_change_at"] == again.json()["last_change_at"]
    for _ in range(2):
        gone = api.delete(f"{BASE}/c-1")
        assert (gone.status_code, gone.content) == (204, b"")
        assert api.get(f"{BASE}/c-1").json()["code"] == "member_not_found"
    assert api.delete(f"{BASE}/nobody").status_code == 204
    assert api.get("/audiences/vip-2024").json()["member_count"] == 0


def test_unknown_people_as_the_audience_or_the_call_says(api, vip, strict, holding, ann_account):
    refused = api.send("PUT", "/audiences/strict/members/c-404")
    assert (refused.status_code, refused.json()["code"]) == (404, "contact_not_found")
    held = api.send("PUT", "/audiences/holding/members/c-404")
    assert held.status_code == 202, held.content
    assert held.json()["contact"] == {"external_id": "c-404", "email": None, "id": None}
    assert (held.json()["outcome"], held.json()["added_at"]) == ("held", None)
    kept = datetime.fromisoformat(held.json()["held_until"]) - datetime.now(UTC)
    assert timedelta(days=29) < kept < timedelta(days=31)
    assert api.send("PUT", "/audiences/holding/members/c-404").status_code == 202
    assert api.get("/audiences/holding/members/c-404").status_code == 404
    assert api.get("/audiences/holding").json()["held_count"] == 1
    body = {"unknown_contacts": "create"}
    assert api.put("/audiences/strict/members/c-404", body).status_code == 201
    assert api.get("/audiences/holding/members/c-404").status_code == 200
    held_one = api.send("PUT", "/audiences/holding/members/c-405")
    assert held_one.status_code == 202
    assert api.delete("/audiences/holding/members/c-405").status_code == 204
    assert api.get("/audiences/holding").json()["held_count"] == 0


def test_older_news_is_not_applied(api, vip, jan):
    assert api.put(f"{BASE}/c-1", {"occurred_at": ago(10)}).status_code == 201
    late = quote(ago(20))
    assert api.delete(f"{BASE}/c-1?occurred_at={late}").status_code == 204
    assert api.get(f"{BASE}/c-1").status_code == 200
    assert api.delete(f"{BASE}/c-1?occurred_at={quote(ago(5))}").status_code == 204
    stale = api.put(f"{BASE}/c-1", {"occurred_at": ago(7)})
    assert stale.status_code == 200
    assert (stale.json()["outcome"], stale.json()["applied"], stale.json()["added_at"]) == (
        "stale",
        False,
        None,
    )
    assert api.get(f"{BASE}/c-1").status_code == 404


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("PUT", f"{BASE}/c-1", {"occurred_at": "2100-01-01T00:00:00Z"}, 422, "timestamp_in_future"),
        ("PUT", f"{BASE}/c-1", {"occurred_at": "1500-01-01T00:00:00Z"}, 422, "validation_failed"),
        ("PUT", f"{BASE}/c-1", {"occured_at": "2026-01-01T00:00:00Z"}, 422, "validation_failed"),
        ("PUT", f"{BASE}/c-1", [], 422, "validation_failed"),
        ("PUT", f"{BASE}/c-1", b"{", 400, "malformed_json"),
        ("PUT", f"{BASE}/..", None, 422, "invalid_external_id"),
        ("PUT", f"{BASE}/{'x' * 256}", None, 422, "invalid_external_id"),
        ("PUT", f"{BASE}/%FF", None, 422, "invalid_external_id"),
        ("DELETE", f"{BASE}/c-1?occurred_at=2100-01-01T00:00:00Z", None, 422, "timestamp_in_future"),
        ("DELETE", f"{BASE}/c-1?occurred_at=now", None, 422, "validation_failed"),
        ("DELETE", f"{BASE}/c-1?force=true", None, 422, "validation_failed"),
        ("PUT", "/audiences/none/members/c-1", None, 404, "audience_not_found"),
        ("DELETE", "/audiences/none/members/c-1", None, 404, "audience_not_found"),
        ("GET", "/audiences/none/members/c-1", None, 404, "audience_not_found"),
        ("GET", f"{BASE}/none/history", None, 404, "contact_not_found"),
        ("GET", "/contacts/none/audiences", None, 404, "contact_not_found"),
        ("GET", "/audiences/none/held", None, 404, "audience_not_found"),
    ],
)
def test_what_is_refused_changes_nothing(api, vip, jan, method, path, body, status, code):
    answer = api.send(method, path, body)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert api.get("/audiences/vip-2024").json()["version"] == 1


@pytest.mark.parametrize(
    "name", ["a b", "a/b", "a.b", "1+1", "100%", "🎟", "batch", "history", "-", "Ünïcode", "x" * 255]
)
def test_any_id_names_a_contact(api, vip, name):
    path = f"{BASE}/{quote(name, safe='')}"
    added = api.send("PUT", path)
    assert added.status_code == 201, added.content
    assert added.headers["Location"] == f"/api/v1{path}"
    assert api.get(path).json()["contact"]["external_id"] == name
    assert api.get(f"{path}/history").json()["items"][0]["change"] == "added"
    assert api.get(f"{BASE}/-?contact_external_id={quote(name, safe='')}").status_code == 200
    assert api.members("vip-2024") == [name]
    assert api.delete(path).status_code == 204
    assert api.members("vip-2024") == []


def test_ids_are_taken_verbatim(api, vip):
    for name in ("c-1", "C-1", " c-1", "\u00e9", "e\u0301"):
        assert api.send("PUT", f"{BASE}/{quote(name)}").status_code == 201
    assert len(api.members("vip-2024")) == 5


def test_a_contact_called_batch_leaves_the_batch_alone(api, vip):
    assert api.send("PUT", f"{BASE}/batch").status_code == 201
    assert api.batch("vip-2024", {"add": ["c-2"]}).status_code == 200
    refused = api.send("PATCH", f"{BASE}/batch", {})
    assert refused.status_code == 405
    assert set(refused.headers["Allow"].split(", ")) >= {"GET", "PUT", "DELETE", "POST"}
    assert api.send("HEAD", f"{BASE}/batch").status_code == 200


def test_the_erased_never_come_back(api, vip, ann_account):
    with scope.account(ann_account):
        Erasure.objects.create(account=ann_account, kind="external_id", value_hmac=to_hmac("c-1"))
    refused = api.send("PUT", f"{BASE}/c-1")
    assert (refused.status_code, refused.json()["code"]) == (409, "erased")
    assert refused.json()["retryable"] is False
    assert api.delete(f"{BASE}/c-1").status_code == 204
    item = api.batch("vip-2024", {"add": ["c-1"], "remove": ["c-2"]}).json()
    assert (item["errors"][0]["code"], item["summary"]["not_member"]) == ("erased", 1)


def test_audiences_made_by_rules_are_not_changed(api, audience_of, ann_account, jan):
    audience_of(ann_account, "Rules", external_id="rules", kind="rules")
    for method in ("PUT", "DELETE"):
        assert api.send(method, "/audiences/rules/members/c-1").json()["code"] == "audience_not_pushed"


def test_scopes_and_accounts(api, api_of, vip, jan, ann_account, bob_account):
    reader = api_of(ann_account, "Reader", ["members:read"])
    assert reader.send("PUT", f"{BASE}/c-1").json()["scope"] == "members:write"
    writer = api_of(ann_account, "Writer", ["members:write"])
    assert writer.get(f"{BASE}/c-1").json()["scope"] == "members:read"
    assert writer.put(f"{BASE}/c-1", {"unknown_contacts": "create"}).json()["scope"] == "contacts:write"
    assert writer.put(f"{BASE}/c-1", {"unknown_contacts": "reject"}).status_code == 201
    stranger = api_of(bob_account)
    for method, path in [
        ("PUT", f"{BASE}/c-1"),
        ("DELETE", f"{BASE}/c-1"),
        ("GET", f"{BASE}/c-1"),
        ("GET", f"{BASE}/c-1/history"),
        ("GET", "/audiences/vip-2024/held"),
        ("GET", "/contacts/c-1/audiences"),
    ]:
        answer = stranger.send(method, path)
        unknown = stranger.send(method, path.replace("vip-2024", "nothing").replace("/c-1", "/nothing"))
        hidden = {"instance": "", "request_id": ""}
        assert answer.status_code == 404
        assert answer.json() | hidden == unknown.json() | hidden
    assert api.members("vip-2024") == ["c-1"]


def test_the_same_key_adds_once(api, vip, jan):
    first = api.send("PUT", f"{BASE}/c-1", idempotency_key="k-1")
    api.delete(f"{BASE}/c-1")
    again = api.send("PUT", f"{BASE}/c-1", idempotency_key="k-1")
    assert (again.status_code, again.content) == (201, first.content)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert api.members("vip-2024") == []
    other = api.put(f"{BASE}/c-1", {"occurred_at": ago(1)}, idempotency_key="k-1")
    assert other.json()["code"] == "idempotency_key_reused"


def test_one_operation_is_taken_from_the_quota(api, vip, jan):
    put = api.send("PUT", f"{BASE}/c-1").headers["Member-Quota"]
    gone = api.delete(f"{BASE}/c-1").headers["Member-Quota"]
    left = [int(header.split("remaining=")[1].split(",")[0]) for header in (put, gone)]
    assert left[0] - left[1] == 1


def test_membership_is_no_consent(api, vip, jan, objective_of, ann_account):
    objective_of(ann_account)
    api.send("PUT", f"{BASE}/c-1")
    assert api.get("/audiences/vip-2024").json()["reachable_count"] == {"newsletter": 0}
    with scope.account(ann_account):
        assert Profile.objects.get(pk=jan.pk).consents == {}


def test_history_tells_what_had_an_effect(api, vip, jan):
    for method in ("PUT", "PUT", "DELETE", "DELETE", "PUT"):
        api.send(method, f"{BASE}/c-1")
    page = api.get(f"{BASE}/c-1/history").json()
    assert [item["change"] for item in page["items"]] == ["added", "removed", "added"]
    assert {item["source"] for item in page["items"]} == {"api:ERP"}
    assert page["contact"]["id"] == str(jan.pk)
    seen, query = [], "?limit=1"
    while query:
        page = api.get(f"{BASE}/c-1/history{query}").json()
        seen += [item["change"] for item in page["items"]]
        query = page["next_cursor"] and f"?limit=1&cursor={page['next_cursor']}"
    assert seen == ["added", "removed", "added"]


def test_who_is_held_is_listed_as_it_was_sent(api, holding):
    body = {"add": [f"c-{n}" for n in range(5)], "remove": ["gone"]}
    assert api.batch("holding", body).json()["summary"]["held"] == 5
    api.batch("holding", {"identifier": "email", "add": ["Jan@Example.nl"]})
    seen, query = [], "?limit=2"
    while query:
        page = api.get(f"/audiences/holding/held{query}").json()
        seen += [(item["identifier"], item["value"]) for item in page["items"]]
        query = page["next_cursor"] and f"?limit=2&cursor={page['next_cursor']}"
    assert seen == [("email", "jan@example.nl"), *(("external_id", f"c-{n}") for n in range(5))]
    assert api.get("/audiences/holding/held?cursor=nonsense").status_code == 422


def test_the_audiences_of_one_person(api, audience_of, ann_account, bob_account, jan, profile_of):
    profile_of(bob_account, "jan@example.nl", external_id="c-1")
    for n in range(5):
        audience_of(ann_account, f"Audience {n}", external_id=f"a-{n}")
        audience_of(bob_account, f"Audience {n}", external_id=f"a-{n}")
        assert api.send("PUT", f"/audiences/a-{n}/members/c-1").status_code == 201
    api.delete("/audiences/a-1/members/c-1")
    api.delete("/audiences/a-3")
    seen, query = [], "?limit=2"
    while query:
        page = api.get(f"/contacts/c-1/audiences{query}").json()
        seen += [item["audience"]["external_id"] for item in page["items"]]
        query = page["next_cursor"] and f"?limit=2&cursor={page['next_cursor']}"
    assert seen == ["a-0", "a-2", "a-4"]
    assert set(page["items"][0]) == {"audience", "added_at", "last_change_at", "source"}


def test_after_a_replace_older_news_is_stale_for_everybody(api, vip, jan, ann_account):
    """Nobody's row is written by a replace that leaves them; its snapshot is everybody's last change."""
    assert api.put(f"{BASE}/c-1", {"occurred_at": ago(60)}).status_code == 201
    floor = datetime.now(UTC) - timedelta(minutes=30)
    with scope.account(ann_account):
        Audience.objects.filter(pk=vip.pk).update(replaced_at=floor)
    shown = datetime.fromisoformat(api.get(f"{BASE}/c-1").json()["last_change_at"])
    assert shown == floor
    listed = api.get(BASE).json()["items"][0]["last_change_at"]
    assert datetime.fromisoformat(listed) == floor
    (of_contact,) = api.get("/contacts/c-1/audiences").json()["items"]
    assert datetime.fromisoformat(of_contact["last_change_at"]) == floor
    assert api.delete(f"{BASE}/c-1?occurred_at={quote(ago(40))}").status_code == 204
    assert api.put(f"{BASE}/new", {"occurred_at": ago(40)}).json()["outcome"] == "stale"
    body = {"emitted_at": ago(40), "unknown_contacts": "hold", "add": ["held"], "remove": ["c-1"]}
    assert api.batch("vip-2024", body).json()["summary"]["stale"] == 2
    assert api.members("vip-2024") == ["c-1"]
    with scope.account(ann_account):
        assert not Profile.objects.filter(external_id="new").exists()
        assert not Pending.objects.exists()
        assert Member.objects.count() == 1
    assert api.delete(f"{BASE}/c-1?occurred_at={quote(ago(20))}").status_code == 204
    assert api.members("vip-2024") == []
