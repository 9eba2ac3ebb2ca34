"""`POST /membership-changes`: several audiences, one transaction."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from audiences.models import Audience, Profile
from syncapp.accounts import scope
from syncapp.api import limits
from tests.api.test_batch import adds_up, counted

PATH = "/membership-changes"


@pytest.fixture
def audiences(audience_of, ann_account):
    """a rejects, b holds, c creates; c is known by address."""
    policies = {"a": "reject", "b": "hold", "c": "create"}
    return {
        name: audience_of(
            ann_account,
            name.upper(),
            external_id=name,
            unknown_contacts=policy,
            identifier="email" if name == "c" else "external_id",
        )
        for name, policy in policies.items()
    }


def add(audience, value, **more):
    return {"audience": audience, "op": "add", "id": value, **more}


def remove(audience, value, **more):
    return {"audience": audience, "op": "remove", "id": value, **more}


def test_each_audience_has_its_answer_and_the_whole_adds_up(api, audiences, profile_of, ann_account):
    profile_of(ann_account, "jan@example.nl", external_id="c-1")
    operations = [
        add("b", "c-1"),
        add("a", "c-1"),
        add("a", "c-404"),
        add("b", "c-404"),
        add("c", "piet@example.nl"),
        remove("a", "c-9"),
        add("none", "c-1"),
        {"op": "add", "id": "c-1"},
        add("b", "c-1", surprise=1),
    ]
    answer = api.post(PATH, {"operations": operations, "verbose": True})
    body = answer.json()
    assert answer.status_code == 207, answer.content
    assert counted(body["summary"]) == {"added": 3, "created": 1, "held": 1, "not_member": 1, "failed": 4}
    assert adds_up(body["summary"])
    assert [(error["index"], error["pointer"], error["code"]) for error in body["errors"]] == [
        (2, "/operations/2/id", "contact_not_found"),
        (6, "/operations/6/audience", "audience_not_found"),
        (7, "/operations/7/audience", "invalid_operation"),
        (8, "/operations/8/surprise", "unknown_field"),
    ]
    of = {each["audience"]: each for each in body["audiences"]}
    assert list(of) == ["b", "a", "c"]
    assert counted(of["a"]["summary"]) == {"added": 1, "not_member": 1, "failed": 1}
    assert counted(of["b"]["summary"]) == {"added": 1, "held": 1, "failed": 1}
    assert counted(of["c"]["summary"]) == {"added": 1, "created": 1}
    assert all(adds_up(each["summary"]) for each in of.values())
    for name, each in of.items():
        shown = api.get(f"/audiences/{name}").json()
        assert [each[key] for key in ("version", "member_count", "held_count")] == [
            shown[key] for key in ("version", "member_count", "held_count")
        ]
        assert shown["member_count"] == len(api.members(name))
    assert [item["outcome"] for item in body["items"]] == [
        "added",
        "added",
        "failed",
        "held",
        "added",
        "not_member",
        "failed",
        "failed",
        "failed",
    ]


def test_whom_one_audience_makes_the_next_one_knows(api, audiences):
    operations = [
        add("c", "jan@example.nl", contact={"external_id": "c-1"}),
        add("a", "c-1"),
    ]
    answer = api.post(PATH, {"operations": operations})
    assert answer.status_code == 200, answer.content
    assert api.members("a") == api.members("c") == ["c-1"]


def test_people_who_appear_are_counted_where_they_waited(api, audiences):
    assert api.batch("b", {"add": ["c-1"]}).json()["summary"]["held"] == 1
    operations = [add("b", "c-2"), add("c", "jan@example.nl", contact={"external_id": "c-1"})]
    body = api.post(PATH, {"operations": operations}).json()
    of = {each["audience"]: each for each in body["audiences"]}
    assert (of["b"]["member_count"], of["b"]["held_count"]) == (1, 1)
    assert api.get("/audiences/b").json()["version"] == of["b"]["version"]


@pytest.mark.parametrize("bad", [add("a", "c-404"), add("none", "c-1"), {"op": "add"}])
def test_atomic_is_about_the_whole_call(api, audiences, bad):
    before = {name: api.get(f"/audiences/{name}").json() for name in audiences}
    operations = [add("c", "jan@example.nl"), remove("b", "c-1"), bad]
    refused = api.post(PATH, {"atomic": True, "verbose": True, "operations": operations})
    assert (refused.status_code, refused.json()["code"]) == (422, "validation_failed")
    assert counted(refused.json()["summary"]) == {"failed": 1, "not_applied": 2}
    assert [item["outcome"] for item in refused.json()["items"]] == ["not_applied", "not_applied", "failed"]
    assert {name: api.get(f"/audiences/{name}").json() for name in audiences} == before


def test_validate_only_changes_nothing(api, audiences, ann_account):
    operations = [add("c", "jan@example.nl", contact={"external_id": "c-1"}), add("a", "c-1")]
    before = {name: api.get(f"/audiences/{name}").json() for name in audiences}
    answer = api.post(PATH, {"validate_only": True, "operations": operations})
    assert counted(answer.json()["summary"]) == {"added": 2, "created": 1}
    assert {name: api.get(f"/audiences/{name}").json() for name in audiences} == before
    with scope.account(ann_account):
        assert not Profile.objects.exists()


def test_time_decides_per_audience(api, audiences, profile_of, ann_account):
    profile_of(ann_account, "jan@example.nl", external_id="c-1")
    now = datetime.now(UTC)
    early, late = ((now - timedelta(minutes=minutes)).isoformat() for minutes in (9, 3))
    operations = [
        add("a", "c-1", occurred_at=late),
        remove("a", "c-1", occurred_at=early),
        remove("b", "c-1", occurred_at=late),
    ]
    body = api.post(PATH, {"operations": operations}).json()
    assert counted(body["summary"]) == {"added": 1, "superseded": 1, "not_member": 1}
    body = api.post(PATH, {"operations": [add("b", "c-1"), remove("a", "c-1")], "emitted_at": early}).json()
    assert counted(body["summary"]) == {"stale": 2}
    assert (api.members("a"), api.members("b")) == (["c-1"], [])


def test_limits_are_checked_before_anything_is_applied(api, audiences):
    many = [add(f"a-{n}", "c-1") for n in range(limits.AUDIENCES_PER_REQUEST + 1)]
    refused = api.post(PATH, {"operations": many})
    assert refused.status_code == 413
    assert (refused.json()["limit"], refused.json()["received"]) == (100, 101)
    most = api.post(PATH, {"operations": [*many[:99], add("c", "jan@example.nl")]})
    assert (most.status_code, counted(most.json()["summary"])) == (
        207,
        {"added": 1, "created": 1, "failed": 99},
    )
    ids = [add("c", f"p{n}@example.nl") for n in range(limits.OPERATIONS_PER_REQUEST + 1)]
    assert api.post(PATH, {"operations": ids}).json()["received"] == 10_001


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"operations": []}, 422, "empty_request"),
        ({}, 422, "validation_failed"),
        ({"add": ["c-1"]}, 422, "validation_failed"),
        ({"operations": [add("a", "c-1")], "add": ["c-1"]}, 422, "validation_failed"),
        ({"operations": [add("a", "c-1")], "audience": "a"}, 422, "validation_failed"),
        ({"operations": [add("a", "c-1")], "emitted_at": "2100-01-01T00:00:00Z"}, 422, "timestamp_in_future"),
        (b'{"operations": [{"op": "add", "op": "remove"}]}', 400, "malformed_json"),
    ],
)
def test_a_bad_envelope_changes_nothing(api, audiences, body, status, code):
    answer = api.post(PATH, body)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_another_accounts_audience_is_no_audience(api_of, audiences, bob_account):
    stranger = api_of(bob_account)
    operations = [add("a", "c-1"), add("nothing", "c-1")]
    errors = stranger.post(PATH, {"operations": operations}).json()["errors"]
    assert [(error["code"], error["detail"]) for error in errors] == [
        ("audience_not_found", errors[0]["detail"])
    ] * 2


def test_rules_scopes_and_keys(api, api_of, audiences, audience_of, ann_account, profile_of):
    profile_of(ann_account, "jan@example.nl", external_id="c-1")
    audience_of(ann_account, "Rules", external_id="rules", kind=Audience.Kind.RULES)
    body = {"operations": [add("rules", "c-1"), add("a", "c-1")]}
    first = api.post(PATH, body, idempotency_key="k-1")
    assert [error["code"] for error in first.json()["errors"]] == ["audience_not_pushed"]
    again = api.post(PATH, body, idempotency_key="k-1")
    assert (again.content, again.headers["Idempotency-Replayed"]) == (first.content, "true")
    writer = api_of(ann_account, "Writer", ["members:write"])
    assert writer.post(PATH, {"operations": [add("c", "x@example.nl")]}).json()["scope"] == "contacts:write"
    assert writer.post(PATH, {"operations": [add("a", "c-1")]}).status_code == 200
    reader = api_of(ann_account, "Reader", ["members:read"])
    assert reader.post(PATH, body).json()["scope"] == "members:write"
