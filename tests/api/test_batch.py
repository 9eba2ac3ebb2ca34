"""`members/batch` over HTTP: every item has an outcome, and the counters add up."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audiences.models import Audience, Change, Consent, Member, Profile, Property
from syncapp.accounts import scope
from syncapp.api import limits

ADDENDS = (
    "added",
    "already_member",
    "removed",
    "not_member",
    "held",
    "superseded",
    "stale",
    "failed",
    "not_applied",
)


def adds_up(summary):
    return sum(summary[name] for name in ADDENDS) == summary["received"]


def counted(summary):
    """Only what is not 0."""
    return {name: number for name, number in summary.items() if number and name != "received"}


def test_the_long_form_answers_for_every_item(api, vip, profile_of, ann_account):
    profile_of(ann_account, "known@example.nl", external_id="c-1")
    operations = [
        {"op": "add", "id": "c-1"},
        {"op": "add", "contact": {"email": "jan@example.nl"}},
        {"op": "remove", "id": "c-9"},
        {"op": "add", "contact": {"email": "not-an-address"}},
        {"op": "add", "id": "c-1", "surprise": 1},
    ]
    answer = api.batch("vip-2024", {"unknown_contacts": "hold", "operations": operations})
    body = answer.json()
    assert answer.status_code == 207
    assert counted(body["summary"]) == {"added": 1, "held": 1, "not_member": 1, "failed": 2}
    assert adds_up(body["summary"])
    assert [(error["index"], error["op"], error["pointer"], error["code"]) for error in body["errors"]] == [
        (3, "add", "/operations/3/contact/email", "invalid_identifier"),
        (4, "add", "/operations/4/surprise", "unknown_field"),
    ]
    assert (body["member_count"], body["held_count"]) == (1, 1)
    assert body["request_id"] == answer.headers["X-Request-Id"]
    assert answer.headers["ETag"] == f'"{body["version"]}"'
    assert api.members("vip-2024") == ["c-1"]


def test_the_short_form_removes_first_and_refuses_both_at_once(api, vip):
    assert counted(api.batch("vip-2024", {"add": ["a", "b", "c"]}).json()["summary"]) == {
        "added": 3,
        "created": 3,
    }
    body = api.batch("vip-2024", {"add": ["b", "d"], "remove": ["a", "b"]}).json()
    assert counted(body["summary"]) == {"added": 1, "removed": 1, "failed": 2, "created": 1}
    assert [(error["pointer"], error["index"], error["code"]) for error in body["errors"]] == [
        ("/remove/1", 1, "conflicting_operations"),
        ("/add/0", 0, "conflicting_operations"),
    ]
    assert sorted(api.members("vip-2024")) == ["b", "c", "d"]


def test_two_spellings_of_an_address_are_one_person(api, vip):
    body = {"identifier": "email", "add": ["Jan@Example.nl"], "remove": [" jan@example.nl "]}
    assert [error["code"] for error in api.batch("vip-2024", body).json()["errors"]] == [
        "conflicting_operations"
    ] * 2


def test_bad_items_of_the_short_form_fail_alone(api, vip):
    body = api.batch("vip-2024", {"add": ["a", 5, None, "", "x\u0000", "x" * 256, {"id": "b"}, "b"]}).json()
    assert counted(body["summary"]) == {"added": 2, "failed": 6, "created": 2}
    assert [error["pointer"] for error in body["errors"]] == [f"/add/{n}" for n in range(1, 7)]
    assert {error["code"] for error in body["errors"]} == {"invalid_identifier"}


@pytest.mark.parametrize(
    ("item", "pointer", "code"),
    [
        (5, "", "invalid_operation"),
        (None, "", "invalid_operation"),
        ({}, "/op", "invalid_operation"),
        ({"op": "empty", "id": "a"}, "/op", "invalid_operation"),
        ({"op": "add"}, "", "invalid_identifier"),
        ({"op": "add", "id": 5}, "/id", "invalid_identifier"),
        ({"op": "add", "id": ""}, "/id", "invalid_identifier"),
        ({"op": "add", "id": "a\u0000"}, "/id", "invalid_identifier"),
        ({"op": "add", "contact": {}}, "/contact", "invalid_identifier"),
        ({"op": "add", "contact": {"email": "x"}}, "/contact/email", "invalid_identifier"),
        ({"op": "add", "contact": {"id": "x"}}, "/contact/id", "invalid_identifier"),
        ({"op": "add", "contact": {"id": "999999"}}, "/contact/id", "contact_not_found"),
        ({"op": "add", "contact": {"phone": "1"}}, "/contact/phone", "unknown_field"),
        ({"op": "add", "id": "a", "contact": {"email": "x"}}, "/contact/email", "invalid_contact"),
        (
            {"op": "add", "id": "a", "contact": {"external_id": "b"}},
            "/contact/external_id",
            "external_id_mismatch",
        ),
        ({"op": "add", "id": "a", "contact": {"properties": []}}, "/contact/properties", "invalid_contact"),
        (
            {"op": "add", "id": "a", "contact": {"properties": {"no": 1}}},
            "/contact/properties/no",
            "unknown_field",
        ),
        (
            {"op": "add", "id": "a", "contact": {"properties": {"city": 1}}},
            "/contact/properties/city",
            "invalid_contact",
        ),
        ({"op": "add", "id": "a", "consents": [{"objective": "x"}]}, "/consents/0/state", "invalid_consent"),
        ({"op": "add", "id": "a", "occurred_at": "yesterday"}, "/occurred_at", "invalid_operation"),
        ({"op": "add", "id": "a", "occurred_at": "2026-01-01T00:00:00"}, "/occurred_at", "invalid_operation"),
        (
            {"op": "add", "id": "a", "occurred_at": "2100-01-01T00:00:00Z"},
            "/occurred_at",
            "timestamp_in_future",
        ),
    ],
)
def test_what_is_wrong_with_an_item_is_pointed_to_and_its_neighbours_go_on(
    api, vip, ann_account, item, pointer, code
):
    with scope.account(ann_account):
        Property.objects.create(account=ann_account, key="city", label="City")
    neighbours = [{"op": "add", "id": "before"}, {"op": "add", "id": "after"}]
    answer = api.batch("vip-2024", {"operations": [neighbours[0], item, neighbours[1]]})
    assert answer.status_code == 207, answer.content
    found = [(error["index"], error["pointer"], error["code"]) for error in answer.json()["errors"]]
    assert found == [(1, f"/operations/1{pointer}", code)]
    assert counted(answer.json()["summary"])["added"] == 2
    assert adds_up(answer.json()["summary"])


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({}, 422, "empty_request"),
        ({"operations": []}, 422, "empty_request"),
        ({"add": [], "remove": []}, 422, "empty_request"),
        ({"opperations": [{"op": "remove", "id": "a"}]}, 422, "validation_failed"),
        ({"operations": {}}, 422, "validation_failed"),
        ({"operations": None}, 422, "validation_failed"),
        ({"operations": [{"op": "add", "id": "a"}], "add": ["b"]}, 422, "validation_failed"),
        ({"add": ["a"], "atomic": "yes"}, 422, "validation_failed"),
        ({"add": ["a"], "identifier": "phone"}, 422, "validation_failed"),
        ({"add": ["a"], "emitted_at": "2100-01-01T00:00:00Z"}, 422, "timestamp_in_future"),
        ({"add": ["a"], "no\u0000": 1}, 422, "validation_failed"),
        ([], 422, "validation_failed"),
        (b"", 400, "malformed_json"),
        (b'{"add": ["a"], "add": ["b"]}', 400, "malformed_json"),
        (b'{"add": ["a"], "\\u0061dd": ["b"]}', 400, "malformed_json"),
        (
            b'{"operations":[{"op":"add","id":"a","contact":{"email":"\\u003a","email":"b"}}]}',
            400,
            "malformed_json",
        ),
    ],
)
def test_a_bad_envelope_changes_nothing(api, vip, body, status, code):
    answer = api.batch("vip-2024", body)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert api.members("vip-2024") == []


def test_one_operation_too_many_is_refused_whole(api, vip):
    ids = [f"c-{n}" for n in range(limits.OPERATIONS_PER_REQUEST)]
    refused = api.batch("vip-2024", {"add": ids, "remove": ["x"]})
    assert refused.status_code == 413
    assert (refused.json()["limit"], refused.json()["received"]) == (10_000, 10_001)
    assert api.get("/audiences/vip-2024").json()["member_count"] == 0
    assert api.batch("vip-2024", {"add": ids}).json()["summary"]["added"] == 10_000


def test_many_failures_are_counted_in_full_and_listed_in_part(api, vip):
    body = {"unknown_contacts": "reject", "verbose": True, "add": [f"c-{n}" for n in range(1500)]}
    answer = api.batch("vip-2024", body).json()
    assert (answer["summary"]["failed"], len(answer["errors"]), answer["errors_truncated"]) == (
        1500,
        1000,
        True,
    )
    assert len(answer["items"]) == 1500


@pytest.mark.parametrize("bad", [{"op": "add", "contact": {"email": "bad"}}, {"op": "nonsense"}])
def test_atomic_is_all_or_nothing(api, vip, bad):
    good = [{"op": "add", "id": "a"}, {"op": "add", "id": "b", "contact": {"email": "b@example.nl"}}]
    before = api.get("/audiences/vip-2024").json()
    refused = api.batch("vip-2024", {"atomic": True, "verbose": True, "operations": [*good, bad]})
    body = refused.json()
    assert (refused.status_code, body["code"]) == (422, "validation_failed")
    assert counted(body["summary"]) == {"failed": 1, "not_applied": 2}
    assert adds_up(body["summary"])
    assert [item["outcome"] for item in body["items"]] == ["not_applied", "not_applied", "failed"]
    assert api.get("/audiences/vip-2024").json() == before
    assert api.batch("vip-2024", {"atomic": True, "operations": good}).status_code == 200


def test_validate_only_changes_nothing_at_all(api, vip, ann_account):
    api.batch("vip-2024", {"add": ["a"]})
    before = api.get("/audiences/vip-2024").json()

    def stored():
        with scope.account(ann_account):
            return [
                list(model.objects.order_by("pk").values()) for model in (Profile, Member, Change, Consent)
            ]

    rows = stored()
    body = {"validate_only": True, "add": ["a", "b", "c"], "remove": ["d"]}
    answer = api.batch("vip-2024", body).json()
    assert counted(answer["summary"]) == {"already_member": 1, "added": 2, "not_member": 1, "created": 2}
    assert api.get("/audiences/vip-2024").json() == before
    assert stored() == rows


def test_time_decides_and_late_news_is_stale(api, vip):
    now = datetime.now(UTC)

    def at(minutes, op):
        moment = (now - timedelta(minutes=minutes)).isoformat()
        body = {"emitted_at": moment, ("add" if op == "add" else "remove"): ["a"]}
        return counted(api.batch("vip-2024", body).json()["summary"])

    assert at(10, "add") == {"added": 1, "created": 1}
    assert at(5, "remove") == {"removed": 1}
    assert at(7, "add") == {"stale": 1}
    assert api.members("vip-2024") == []
    operations = [
        {"op": "remove", "id": "a", "occurred_at": (now - timedelta(minutes=1)).isoformat()},
        {"op": "add", "id": "a", "occurred_at": (now - timedelta(minutes=2)).isoformat()},
    ]
    body = api.batch("vip-2024", {"operations": operations, "verbose": True}).json()
    assert body["summary"]["superseded"] == 1
    assert [(warning["index"], warning["code"]) for warning in body["warnings"]] == [
        (1, "duplicate_in_request")
    ]
    assert body["errors"] == []


def test_data_and_consents_of_an_item_are_kept(api, vip, ann_account, objective_of):
    objective_of(ann_account, "newsletter")
    with scope.account(ann_account):
        for key, kind in {"city": "text", "children": "number", "vip": "boolean"}.items():
            Property.objects.create(account=ann_account, key=key, label=key, type=kind)
    item = {
        "op": "add",
        "id": "c-1",
        "contact": {"email": "Jan@Example.nl", "properties": {"city": "Gent", "children": 0, "vip": False}},
        "consents": [
            {
                "objective": "newsletter",
                "state": "granted",
                "occurred_at": "2026-01-01T00:00:00Z",
                "source": "form",
                "method": "double_opt_in",
                "proof": {"ip": "192.0.2.1"},
            }
        ],
    }
    assert api.batch("vip-2024", {"operations": [item]}).status_code == 200
    with scope.account(ann_account):
        profile = Profile.objects.get(external_id="c-1")
        consent = Consent.objects.get()
    assert (profile.email, profile.properties) == (
        "jan@example.nl",
        {"city": "Gent", "children": 0, "vip": False},
    )
    assert (consent.method, consent.evidence) == ("double_opt_in", {"ip": "192.0.2.1", "source": "form"})
    item["contact"]["properties"] = {"city": None}
    del item["consents"]
    assert counted(api.batch("vip-2024", {"operations": [item]}).json()["summary"]) == {
        "already_member": 1,
        "updated": 1,
    }
    with scope.account(ann_account):
        assert Profile.objects.get(external_id="c-1").properties == {"children": 0, "vip": False}


def test_verbose_may_stand_in_the_query(api, vip):
    body = api.batch("vip-2024", {"add": ["a"], "remove": ["b"]}, "?verbose=true").json()
    assert [(item["op"], item["outcome"]) for item in body["items"]] == [
        ("remove", "not_member"),
        ("add", "added"),
    ]


MOMENTS = st.sampled_from(
    [None, "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z", "2100-01-01T00:00:00Z", "no"]
)
IDS = st.sampled_from(["a", "b", "c", "B@example.nl", "b@example.nl", "bad", "", 7])
ITEMS = st.one_of(
    st.fixed_dictionaries(
        {"op": st.sampled_from(["add", "remove", "drop"]), "id": IDS, "occurred_at": MOMENTS}
    ),
    st.fixed_dictionaries({"op": st.just("add"), "contact": st.fixed_dictionaries({"email": IDS})}),
    st.sampled_from([None, {}, "add", {"op": "add", "id": "a", "x": 1}]),
)
BODIES = st.fixed_dictionaries(
    {
        "operations": st.lists(ITEMS, min_size=1, max_size=12),
        "identifier": st.sampled_from(["external_id", "email", "id"]),
        "unknown_contacts": st.sampled_from(["reject", "create", "hold"]),
        "atomic": st.booleans(),
        "validate_only": st.booleans(),
        "verbose": st.just(True),
    }
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=BODIES)
def test_counters_close_whatever_comes(api, vip, body):
    answer = api.batch("vip-2024", body)
    assert answer.status_code in (200, 207, 422), answer.content
    found = answer.json()
    assert adds_up(found["summary"])
    assert found["summary"]["received"] == len(body["operations"]) == len(found["items"])
    assert found["summary"]["failed"] == len(found["errors"])
    assert (found["summary"]["failed"] > 0) == (answer.status_code != 200)
    assert found["summary"]["created"] <= found["summary"]["added"]
    outcomes = [item["outcome"] for item in found["items"]]
    assert all(outcomes.count(name) == found["summary"][name] for name in ADDENDS)
    assert api.get("/audiences/vip-2024").json()["member_count"] == len(api.members("vip-2024"))


def test_member_count_and_version_follow_what_really_changed(api, vip):
    first = api.batch("vip-2024", {"add": ["a"]}).json()
    again = api.batch("vip-2024", {"add": ["a"], "remove": ["z"]}).json()
    assert (first["version"], first["member_count"]) == (again["version"], again["member_count"])
    last = api.get("/audiences/vip-2024").json()
    assert last["last_sync"]["kind"] == "delta"
    assert last["last_member_added_at"] is not None
    assert last["last_member_removed_at"] is None
    assert Audience.Kind(last["kind"]) == Audience.Kind.PUSHED
