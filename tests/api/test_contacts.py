"""People over HTTP, one by one and in batches."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from audiences.models import (
    Audience,
    Change,
    Consent,
    Erasure,
    Job,
    Member,
    Pending,
    Profile,
    Property,
    PushSettings,
)
from syncapp.accounts import scope
from tests.api.syncing import Syncs

ADDENDS = ("created", "updated", "unchanged", "superseded", "failed", "not_applied")
JAN = {"email": "jan@example.nl", "first_name": "Jan", "properties": {"city": "Gent"}}
AT = "2026-06-01T09:00:00Z"


@pytest.fixture(autouse=True)
def properties(ann_account):
    with scope.account(ann_account):
        for key in ("first_name", "city"):
            Property.objects.create(account=ann_account, key=key, label=key)


@pytest.fixture
def in_ann(ann_account):
    with scope.account(ann_account):
        yield ann_account


def counted(body):
    summary = body["summary"]
    assert sum(summary[name] for name in ADDENDS) == summary["received"]
    return {name: number for name, number in summary.items() if number and name != "received"}


def test_put_creates_changes_and_keeps(api):
    made = api.put("/contacts/c-1", JAN)
    assert (made.status_code, made.headers["Location"]) == (201, "/api/v1/contacts/c-1")
    body = made.json()
    assert body["properties"] == {"first_name": "Jan", "city": "Gent"}
    assert (body["external_id"], body["email"], body["consents"]) == ("c-1", "jan@example.nl", {})
    same = api.put("/contacts/c-1", {})
    assert (same.status_code, same.json()) == (200, body)
    changed = api.put("/contacts/c-1", {"properties": {"city": None}, "email": None}).json()
    assert (changed["properties"], changed["email"]) == ({"first_name": "Jan"}, None)
    assert api.get("/contacts/c-1").json() == changed


@pytest.mark.parametrize("external_id", ["batch", "imports", "a/b", "c 1", "é+%", "x" * 255, "erase"])
def test_any_id_will_do(api, external_id):
    path = f"/contacts/{quote(external_id, safe='')}"
    assert api.put(path, JAN).status_code == 201
    assert api.get(path).json()["external_id"] == external_id
    assert api.delete(path).status_code == 204
    assert api.get(path).status_code == 404


def test_patch_changes_and_never_creates(api):
    assert api.send("PATCH", "/contacts/c-1", JAN).json()["code"] == "contact_not_found"
    api.put("/contacts/c-1", JAN)
    answer = api.send(
        "PATCH", "/contacts/c-1", {"city": "Brugge"}, content_type="application/merge-patch+json"
    )
    assert answer.json()["properties"] == {"first_name": "Jan", "city": "Brugge"}


@pytest.mark.parametrize(
    ("body", "pointer", "code"),
    [
        ({"surprise": 1}, "/surprise", "unknown_field"),
        ({"properties": {"surprise": 1}}, "/properties/surprise", "unknown_field"),
        ({"phone": "1"}, "/phone", "unknown_field"),
        ({"email": "nobody"}, "/email", "invalid_contact"),
        ({"properties": {"city": 7}}, "/properties/city", "invalid_contact"),
        ({"city": "Gent", "properties": {"city": "Gent"}}, "/city", "conflicting_fields"),
        ({"email": 7}, "/email", "invalid"),
    ],
)
def test_what_does_not_fit_is_pointed_to(api, body, pointer, code):
    answer = api.put("/contacts/c-1", body)
    assert answer.status_code == 422
    assert [(error["pointer"], error["code"]) for error in answer.json()["errors"]] == [(pointer, code)]
    assert api.get("/contacts/c-1").status_code == 404


def test_an_address_has_one_person(api):
    api.put("/contacts/c-1", JAN)
    taken = api.put("/contacts/c-2", {"email": "Jan@Example.nl"})
    assert (taken.status_code, taken.json()["code"]) == (409, "email_taken")
    assert taken.json()["conflict"]["external_id"] == "c-1"
    assert api.put("/contacts/c-2", {"email": "jan@example.nl", "merge": "by_email"}).status_code == 409


def test_who_has_no_external_id_gets_it_when_asked(api, profile_of, ann_account):
    holder = profile_of(ann_account, "jan@example.nl")
    taken = api.put("/contacts/c-1", JAN)
    assert (taken.status_code, taken.json()["conflict"]["external_id"]) == (409, None)
    merged = api.put("/contacts/c-1", {**JAN, "merge": "by_email"})
    assert (merged.status_code, merged.json()["id"]) == (200, str(holder.pk))
    assert api.get("/contacts/c-1").json()["properties"]["first_name"] == "Jan"


def test_the_body_names_the_same_person(api):
    assert api.put("/contacts/c-1", {"external_id": "c-2"}).json()["code"] == "external_id_mismatch"
    assert api.put("/contacts/c-1", {"external_id": "c-1"}).status_code == 201


def test_people_are_found_by_address(api):
    api.put("/contacts/c-1", JAN)
    found = api.get("/contacts?email=Jan%40Example.nl").json()
    assert ([one["external_id"] for one in found["items"]], found["next_cursor"]) == (["c-1"], None)
    assert api.get("/contacts?email=eva%40example.nl").json()["items"] == []
    assert api.get("/contacts?email=nobody").status_code == 422
    assert api.get("/contacts").status_code == 422


def test_another_accounts_person_is_as_unknown(api, api_of, bob_account):
    bob = api_of(bob_account)
    bob.put("/contacts/b-1", {"email": "eva@example.nl"})
    for method, path in (("GET", "/contacts/{}"), ("DELETE", "/contacts/{}"), ("POST", "/contacts/{}/erase")):
        answers = [api.send(method, path.format(one)) for one in ("b-1", "nobody")]
        bodies = [{**answer.json(), "instance": "", "request_id": ""} for answer in answers]
        assert answers[0].status_code == 404
        assert bodies[0] == bodies[1]
    assert api.get("/contacts?email=eva%40example.nl").json()["items"] == []
    assert api.put("/contacts/c-1", {"email": "eva@example.nl"}).status_code == 201
    assert bob.get("/contacts/b-1").status_code == 200


def test_scopes_are_named(api_of, ann_account):
    reader = api_of(ann_account, scopes=["contacts:read"])
    assert reader.put("/contacts/c-1", JAN).json()["scope"] == "contacts:write"
    assert reader.post("/contacts/c-1/erase", None).json()["scope"] == "contacts:write"
    writer = api_of(ann_account, "Writer", scopes=["contacts:write"])
    assert writer.get("/contacts/c-1").json()["scope"] == "contacts:read"
    said = {"objective": "newsletter", "state": "granted", "occurred_at": AT}
    item = {"external_id": "c-1", "consents": [said]}
    assert writer.post("/contacts/batch", {"contacts": [item]}).json()["scope"] == "consents:write"


def test_a_batch_answers_for_every_item(api, objective_of, ann_account):
    objective_of(ann_account)
    api.put("/contacts/c-0", {"email": "piet@example.nl"})
    said = {"objective": "newsletter", "state": "granted", "occurred_at": AT}
    items = [
        {"external_id": "c-1", **JAN, "consents": [said]},
        {"email": "eva@example.nl", "city": "Gent"},
        {"external_id": "c-0", "email": "piet@example.nl"},
        {"external_id": "c-1", "city": "Brugge"},
        {"external_id": "c-2", "email": "piet@example.nl"},
        {"external_id": "c-3", "phone": "1"},
        {"first_name": "Nobody"},
        {"external_id": "c-4", "consents": [{**said, "objective": "sales"}]},
        {"external_id": "c-5", "surprise": True},
        7,
    ]
    answer = api.post("/contacts/batch?verbose=true", {"contacts": items})
    body = answer.json()
    assert answer.status_code == 207
    assert counted(body) == {"created": 2, "unchanged": 1, "superseded": 1, "failed": 6}
    assert [(error["index"], error["pointer"], error["code"]) for error in body["errors"]] == [
        (4, "/contacts/4/email", "email_taken"),
        (5, "/contacts/5/phone", "unknown_field"),
        (6, "/contacts/6", "invalid_identifier"),
        (7, "/contacts/7/consents/0/objective", "unknown_objective"),
        (8, "/contacts/8/surprise", "unknown_field"),
        (9, "/contacts/9", "invalid_contact"),
    ]
    assert body["errors"][0]["holder"] == "c-0"
    assert [item["outcome"] for item in body["items"]][:4] == [
        "superseded",
        "created",
        "unchanged",
        "created",
    ]
    jan = api.get("/contacts/c-1").json()
    assert jan["properties"] == {"first_name": "Jan", "city": "Brugge"}
    assert jan["consents"]["newsletter"]["state"] == "granted"


def test_modes_say_who_may_be_meant(api):
    api.put("/contacts/c-1", JAN)
    two = [{"external_id": "c-1", "city": "Brugge"}, {"external_id": "c-2"}, {"email": "jan@example.nl"}]
    created = api.post("/contacts/batch", {"contacts": two, "mode": "create"}).json()
    assert counted(created) == {"created": 1, "failed": 2}
    assert {error["code"] for error in created["errors"]} == {"contact_exists"}
    updated = api.post("/contacts/batch", {"contacts": [*two[:1], {"external_id": "c-9"}], "mode": "update"})
    assert counted(updated.json()) == {"updated": 1, "failed": 1}
    assert [(error["pointer"], error["code"]) for error in updated.json()["errors"]] == [
        ("/contacts/1/external_id", "contact_not_found")
    ]


def test_a_batch_merges_when_asked(api, profile_of, ann_account):
    holder = profile_of(ann_account, "jan@example.nl")
    one = {"contacts": [{"external_id": "c-1", "email": "jan@example.nl"}]}
    assert api.post("/contacts/batch", one).json()["errors"][0]["code"] == "email_taken"
    assert counted(api.post("/contacts/batch", {**one, "merge": "by_email"}).json()) == {"updated": 1}
    assert api.get("/contacts/c-1").json()["id"] == str(holder.pk)


def test_atomic_is_all_or_nothing(api):
    items = [{"external_id": "c-1"}, {"external_id": "c-2", "email": "nobody"}]
    answer = api.post("/contacts/batch", {"contacts": items, "atomic": True, "verbose": True})
    assert (answer.status_code, answer.json()["code"]) == (422, "validation_failed")
    assert counted(answer.json()) == {"failed": 1, "not_applied": 1}
    assert [item["outcome"] for item in answer.json()["items"]] == ["not_applied", "failed"]
    assert api.get("/contacts/c-1").status_code == 404


def test_validating_changes_nothing(api, in_ann):
    before = Change.objects.count()
    answer = api.post("/contacts/batch", {"contacts": [{"external_id": "c-1"}], "validate_only": True})
    assert counted(answer.json()) == {"created": 1}
    assert (Profile.objects.count(), Change.objects.count()) == (0, before)


def test_the_envelope_is_checked_first(api, in_ann):
    many = [{"external_id": f"c-{number}"} for number in range(1001)]
    answer = api.post("/contacts/batch", {"contacts": many})
    assert (answer.status_code, answer.json()["limit"], answer.json()["received"]) == (413, 1000, 1001)
    assert api.post("/contacts/batch", {"contacts": []}).json()["code"] == "empty_request"
    assert api.post("/contacts/batch", {"contacts": many[:1], "mode": "replace"}).status_code == 422
    assert api.post("/contacts/batch", [1]).status_code == 422
    assert not Profile.objects.exists()
    assert api.post("/contacts/batch", {"contacts": many[:1000]}).status_code == 200


def test_the_same_call_twice_is_one(api, in_ann):
    call = {"contacts": [{"external_id": "c-1", "city": "Gent"}]}
    first = api.post("/contacts/batch", call, idempotency_key="one")
    again = api.post("/contacts/batch", call, idempotency_key="one")
    assert (again.content, again.headers["Idempotency-Replayed"]) == (first.content, "true")


class TestForgetting:
    @pytest.fixture(autouse=True)
    def jan(self, api, vip, objective_of, ann_account):
        objective_of(ann_account)
        api.put("/contacts/c-1", JAN)
        api.batch("vip-2024", {"add": ["c-1"]})
        api.put(
            "/contacts/c-1/consents/newsletter", {"state": "granted", "occurred_at": AT, "source": "form"}
        )

    def test_deleted_is_gone_and_may_come_back(self, api, vip, in_ann):
        assert api.delete("/contacts/c-1").status_code == 204
        assert api.get("/contacts/c-1").status_code == 404
        assert api.delete("/contacts/c-1").status_code == 404
        assert api.members("vip-2024") == []
        assert api.get("/contacts/c-1/consents").status_code == 404
        assert api.get("/contacts?email=jan%40example.nl").json()["items"] == []
        assert api.put("/contacts/c-1", JAN).status_code == 201
        assert api.get("/contacts/c-1").json()["consents"] == {}

    def test_erased_never_comes_back(self, api, vip, in_ann):
        answer = api.post("/contacts/c-1/erase", None)
        job = answer.json()
        assert (answer.status_code, job["kind"]) == (202, "contact_erase")
        assert answer.headers["Location"] == f"/api/v1/jobs/{job['id']}"
        assert api.get("/contacts/c-1").status_code == 404
        assert (api.members("vip-2024"), Consent.objects.count(), Member.objects.count()) == ([], 0, 0)
        again = api.put("/contacts/c-1", JAN)
        assert (again.status_code, again.json()["code"], again.json()["retryable"]) == (409, "erased", False)
        assert api.put("/contacts/c-2", {"email": "JAN@example.nl"}).json()["code"] == "erased"
        bulk = api.post(
            "/contacts/batch", {"contacts": [{"external_id": "c-1"}, {"email": "jan@example.nl"}]}
        )
        assert [error["code"] for error in bulk.json()["errors"]] == ["erased"] * 2
        for unknown in ("reject", "create", "hold"):
            body = {"operations": [{"op": "add", "id": "c-1"}], "unknown_contacts": unknown}
            assert [error["code"] for error in api.batch("vip-2024", body).json()["errors"]] == ["erased"]
        assert not Pending.objects.exists()

    @pytest.mark.parametrize("unknown", ["reject", "create", "hold"])
    @pytest.mark.parametrize("member", ["c-1", {"external_id": "c-2", "email": "jan@example.nl"}])
    def test_no_session_brings_an_erased_person_back(self, api, vip, ann_account, unknown, member):
        api.post("/contacts/c-1/erase", None)
        api.put("/contacts/c-3", {})
        syncs = Syncs(api, ann_account)
        session = syncs.replace(["c-3", member], unknown_contacts=unknown)
        errors = api.get(f"/jobs/{session['job_id']}/errors").json()["items"]
        assert [error["code"] for error in errors] == ["erased"]
        assert api.members("vip-2024") == ["c-3"]
        assert api.get("/contacts/c-2").status_code == 404

    def test_erasing_twice_is_one_job(self, api):
        job = api.post("/contacts/c-1/erase", None).json()["id"]
        again = api.post("/contacts/c-1/erase", None)
        assert (again.status_code, again.json()["id"]) == (202, job)

    def test_nothing_of_the_person_stays_in_jobs_and_answers(self, api, in_ann):
        from audiences.erasing.work import carry_out_erasure
        from audiences.models import JobError
        from syncapp.api.models import Reply
        from syncapp.work import Slice

        api.put("/contacts/c-1", JAN, idempotency_key="kept")
        old = Job.objects.create(
            account=in_ann,
            kind="contacts_import",
            error_summary=[{"code": "x", "count": 1, "sample": ["c-1"]}],
        )
        JobError.objects.create(
            account=in_ann, job=old, number=1, code="x", original='{"email":"JAN@example.nl"}'
        )
        job = Job.objects.get(pk=int(api.post("/contacts/c-1/erase", None).json()["id"].removeprefix("job_")))
        assert carry_out_erasure(job, Slice()) is True
        job.refresh_from_db()
        old.refresh_from_db()
        assert (job.state, job.cursor) == ("completed", {"names": []})
        assert old.error_summary[0]["sample"] == []
        assert JobError.objects.get().original is None
        assert not Reply.objects.exists()
        assert not Profile.objects.exists()
        assert "c-1" not in str(job.params)

    def test_only_held_people_can_be_erased_too(self, api, vip, in_ann):
        body = {"operations": [{"op": "add", "id": "h-1"}], "unknown_contacts": "hold"}
        assert api.batch("vip-2024", body).json()["held_count"] == 1
        assert api.post("/contacts/h-1/erase", None).status_code == 202
        assert api.get("/audiences/vip-2024").json()["held_count"] == 0
        assert [error["code"] for error in api.batch("vip-2024", body).json()["errors"]] == ["erased"]

    def test_where_a_person_has_to_approve_nothing_happens_before(self, api, vip, in_ann, ann):
        from audiences import jobs
        from audiences.erasing.work import carry_out_erasure
        from syncapp.work import Slice

        PushSettings.objects.create(account=in_ann, requires_approval=True)
        deleted = api.delete("/contacts/c-1")
        assert (deleted.status_code, deleted.json()["approval"]) == (202, "waiting")
        erased = api.post("/contacts/c-1/erase", None)
        assert (erased.status_code, erased.json()["approval"]) == (202, "waiting")
        assert api.post("/contacts/c-1/erase", None).json()["id"] == erased.json()["id"]
        assert api.get("/contacts/c-1").status_code == 200
        assert not Erasure.objects.exists()
        job = Job.objects.get(pk=int(erased.json()["id"].removeprefix("job_")))
        jobs.approve(job, ann, "Asked by mail.")
        assert carry_out_erasure(job, Slice()) is True
        assert api.get("/contacts/c-1").status_code == 404
        assert Audience.objects.get().member_count == 0
