"""Empty, delete and restore over HTTP: guards, uses, approval, and what time does."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from audiences import approved, deleting, jobs, tasks
from audiences.jobs.carrying import carry_out
from audiences.models import (
    Audience,
    AudienceSize,
    Change,
    Job,
    Member,
    MembershipChange,
    Pending,
    Profile,
    PushSettings,
)
from connectors.models import Authorization, Connection, Goal, GoalAudience
from syncapp.accounts import scope
from syncapp.notices.models import Alert
from syncapp.work import Slice
from tests.api.test_resource import use_it

EMPTY = "/audiences/vip-2024/empty"


@pytest.fixture
def full(api, vip):
    """Three members and one who is held."""
    api.batch("vip-2024", {"add": ["c-1", "c-2", "c-3"]})
    api.batch("vip-2024", {"add": ["stranger"], "unknown_contacts": "hold"})
    return vip


def settings_of(account, **fields):
    with scope.account(account):
        PushSettings.objects.update_or_create(account=account, defaults=fields)


def delete_before(account, days):
    """Make every deletion that old."""
    with scope.account(account):
        Audience.objects.exclude(deleted_at=None).update(deleted_at=timezone.now() - timedelta(days=days))


def carry_out_all(account):
    with scope.account(account):
        for job in Job.objects.filter(state__in=["queued", "running"]):
            carry_out(account.pk, str(job.pk), Slice())


# Empty


def test_emptying_takes_everybody_out_and_says_so_everywhere(api, full, ann_account):
    answer = api.post(EMPTY, {"expected_member_count": 3})
    assert answer.status_code == 200, answer.content
    assert answer.json() == {"removed": 3, "held_removed": 1, "version": 4}
    assert answer.headers["ETag"] == '"4"'
    body = api.get("/audiences/vip-2024").json()
    assert (body["member_count"], body["held_count"], body["version"]) == (0, 0, 4)
    assert body["last_member_removed_at"] is not None
    assert api.members("vip-2024") == []
    with scope.account(ann_account):
        people = sorted(Profile.objects.values_list("pk", flat=True))
        assert set(Member.objects.values_list("state", "source")) == {("removed", "api:ERP")}
        assert not Pending.objects.exists()
        assert Change.objects.latest("pk").profile_ids == people
        history = MembershipChange.objects.latest("pk")
        assert (history.added, history.removed, history.source) == ([], people, "api:ERP")
        assert (history.lowest, history.highest) == (people[0], people[-1])
        assert AudienceSize.objects.get().members == 0


def test_what_happened_before_the_emptying_is_stale_for_everybody(api, full):
    before = timezone.now().isoformat()
    api.post(EMPTY, {"expected_member_count": 3})
    operations = [
        {"op": "add", "id": one, "occurred_at": before} for one in ("c-1", "never-was-one", "stranger")
    ]
    late = api.batch("vip-2024", {"operations": operations})
    assert late.json()["summary"]["stale"] == 3, late.content
    assert api.batch("vip-2024", {"add": ["c-1"]}).json()["summary"]["added"] == 1


def test_emptying_needs_a_guard(api, full):
    for body in ({}, None):
        answer = api.post(EMPTY, body)
        assert (answer.status_code, answer.json()["code"]) == (428, "precondition_required")
    anything = api.post(EMPTY, None, if_match="*")
    assert (anything.status_code, anything.json()["code"]) == (428, "precondition_required")
    wrong = api.post(EMPTY, {"expected_member_count": 4})
    assert (wrong.status_code, wrong.json()["code"]) == (409, "count_mismatch")
    assert wrong.json()["actual_member_count"] == 3
    stale = api.post(EMPTY, None, if_match='"1"')
    assert (stale.status_code, stale.json()["code"]) == (412, "precondition_failed")
    both = api.post(EMPTY, {"expected_member_count": 3}, if_match='"1"')
    assert both.status_code == 412
    assert len(api.members("vip-2024")) == 3
    assert api.post(EMPTY, None, if_match='"3"').json()["removed"] == 3


@pytest.mark.parametrize(
    "body", [{"expected_member_count": -1}, {"expected_member_count": "3"}, {"count": 3}, []]
)
def test_guards_that_cannot_be(api, full, body):
    assert (api.post(EMPTY, body).status_code, len(api.members("vip-2024"))) == (422, 3)


def test_emptying_twice_removes_once(api, full):
    headers = {"idempotency_key": "once"}
    first = api.post(EMPTY, {"expected_member_count": 3}, **headers)
    again = api.post(EMPTY, {"expected_member_count": 3}, **headers)
    assert (again.json(), again.headers["Idempotency-Replayed"]) == (first.json(), "true")
    nobody = api.post(EMPTY, {"expected_member_count": 0})
    assert nobody.json() == {"removed": 0, "held_removed": 0, "version": first.json()["version"]}


def test_an_audience_in_use_can_be_emptied(api, full, monkeypatch):
    use_it(monkeypatch)
    answer = api.post(EMPTY, {"expected_member_count": 3})
    assert (answer.status_code, answer.json()["removed"]) == (200, 3)
    assert api.members("vip-2024") == []


def test_emptying_needs_its_own_scope(api_of, ann_account, full):
    weak = api_of(ann_account, "Weak", ["members:write", "audiences:delete"])
    answer = weak.post(EMPTY, {"expected_member_count": 3})
    assert (answer.status_code, answer.json()["scope"]) == (403, "members:replace")


def test_only_one_of_many_at_once_empties(transactional_db, api_of, audience_of, ann_account):
    api = api_of(ann_account)
    audience_of(ann_account, "VIP", external_id="vip-2024", unknown_contacts="create")
    api.batch("vip-2024", {"add": [f"c-{n}" for n in range(50)]})

    def call(_):
        try:
            return api.post(EMPTY, {"expected_member_count": 50})
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(call, range(4)))
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409]


# Delete and restore


def test_a_deleted_audience_comes_back_with_its_members(api, full):
    assert api.delete("/audiences/vip-2024").status_code == 204
    assert api.delete("/audiences/vip-2024").status_code == 204
    assert api.get("/audiences/vip-2024").status_code == 404
    answer = api.post("/audiences/vip-2024/restore", None)
    assert answer.status_code == 200, answer.content
    assert (answer.json()["state"], answer.json()["member_count"]) == ("active", 3)
    assert len(api.members("vip-2024")) == 3
    assert answer.headers["ETag"] == f'"{answer.json()["version"]}"'
    again = api.post("/audiences/vip-2024/restore", None)
    assert (again.status_code, again.json()["code"]) == (409, "external_id_taken")


def test_an_audience_in_use_is_not_deleted_and_a_dry_run_says_the_same(api, vip, monkeypatch):
    use_it(monkeypatch)
    refused = api.delete("/audiences/vip-2024")
    assert (refused.status_code, refused.json()["code"]) == (409, "audience_in_use")
    assert refused.json()["detail"] == "1 object uses this audience."
    tried = api.delete("/audiences/vip-2024?dry_run=true")
    assert (tried.status_code, tried.json()["would_delete"]) == (200, False)
    assert tried.json()["usages"] == refused.json()["usages"] == api.get("/audiences/vip-2024/usages").json()
    (use,) = tried.json()["usages"]
    assert use["url"].startswith("/")


def test_a_dry_run_deletes_nothing(api, vip):
    assert api.delete("/audiences/vip-2024?dry_run=true").json() == {"would_delete": True, "usages": []}
    assert api.get("/audiences/vip-2024").json()["version"] == 1
    assert api.delete("/audiences/no?dry_run=true").json()["code"] == "audience_not_found"


def test_restoring_what_never_was_or_whose_places_are_taken(api, vip):
    assert api.post("/audiences/no/restore", None).json()["code"] == "audience_not_found"
    api.delete("/audiences/vip-2024")
    api.put("/audiences/other", {"name": "vip 2024"})
    name = api.post("/audiences/vip-2024/restore", None)
    assert (name.status_code, name.json()["code"]) == (409, "name_taken")
    assert name.json()["conflict"] == {"external_id": "other"}
    api.put("/audiences/vip-2024", {"name": "Heir"})
    taken = api.post("/audiences/vip-2024/restore", None)
    assert (taken.status_code, taken.json()["code"]) == (409, "external_id_taken")


def test_the_one_deleted_last_comes_back(api):
    for name in ("First", "Second"):
        api.put("/audiences/a", {"name": name})
        api.delete("/audiences/a")
    assert api.post("/audiences/a/restore", {}).json()["name"] == "Second"


def test_restoring_too_late(api, vip, ann_account):
    api.delete("/audiences/vip-2024")
    delete_before(ann_account, 29)
    assert api.post("/audiences/vip-2024/restore", None).status_code == 200
    api.delete("/audiences/vip-2024")
    delete_before(ann_account, 31)
    late = api.post("/audiences/vip-2024/restore", None)
    assert (late.status_code, late.json()["code"]) == (410, "restore_window_passed")
    settings_of(ann_account, restore_days=90)
    assert api.post("/audiences/vip-2024/restore", None).status_code == 200


# What a person has to approve


def test_deleting_waits_for_a_person(api, vip, ann_account, ann):
    settings_of(ann_account, requires_approval=True)
    answer = api.delete("/audiences/vip-2024")
    assert answer.status_code == 202, answer.content
    assert answer.headers["Location"] == f"/api/v1/jobs/{answer.json()['id']}"
    assert api.delete("/audiences/vip-2024").json()["id"] == answer.json()["id"]
    carry_out_all(ann_account)
    assert api.get("/audiences/vip-2024").status_code == 200
    with scope.account(ann_account):
        jobs.approve(Job.objects.get(), ann)
    carry_out_all(ann_account)
    done = api.get(answer.headers["Location"]).json()
    assert (done["state"], done["progress"]["succeeded"]) == ("completed", 1)
    assert api.get("/audiences/vip-2024").status_code == 404
    assert api.delete("/audiences/vip-2024").status_code == 204


def test_a_use_that_came_before_the_approval_stops_the_deletion(api, vip, ann_account, ann, monkeypatch):
    settings_of(ann_account, requires_approval=True)
    api.delete("/audiences/vip-2024")
    use_it(monkeypatch)
    refused = api.delete("/audiences/vip-2024")
    assert (refused.status_code, refused.json()["code"]) == (409, "audience_in_use")
    with scope.account(ann_account):
        jobs.approve(Job.objects.get(), ann)
    carry_out_all(ann_account)
    with scope.account(ann_account):
        job = Job.objects.get()
    assert (job.state, job.reason) == ("failed", "1 object uses this audience.")
    assert api.get("/audiences/vip-2024").status_code == 200


def test_emptying_waits_for_a_person(api, full, ann_account, ann):
    settings_of(ann_account, requires_approval=True)
    assert api.post(EMPTY, {"expected_member_count": 9}).status_code == 409
    answer = api.post(EMPTY, {"expected_member_count": 3})
    assert (answer.status_code, answer.json()["kind"]) == (202, "audience_empty")
    assert len(api.members("vip-2024")) == 3
    with scope.account(ann_account):
        jobs.approve(Job.objects.get(), ann)
    carry_out_all(ann_account)
    with scope.account(ann_account):
        job = Job.objects.get()
    assert (job.state, job.result, job.processed, job.total) == (
        "completed",
        {"removed": 3, "held_removed": 1},
        3,
        3,
    )
    assert api.members("vip-2024") == []


def test_members_who_came_before_the_approval_stop_the_emptying(api, full, ann_account, ann):
    settings_of(ann_account, requires_approval=True)
    api.post(EMPTY, {"expected_member_count": 3})
    api.batch("vip-2024", {"add": ["c-4"]})
    with scope.account(ann_account):
        jobs.approve(Job.objects.get(), ann)
    carry_out_all(ann_account)
    with scope.account(ann_account):
        job = Job.objects.get()
    assert (job.state, job.reason) == ("failed", "The audience has 4 members, not 3.")
    assert len(api.members("vip-2024")) == 4


# What time does


def test_an_expired_audience_is_deleted(api, vip, ann_account):
    api.send("PATCH", "/audiences/vip-2024", {"expires_at": "2999-01-01T00:00:00Z"})
    tasks.expire_audiences(Slice())
    assert api.get("/audiences/vip-2024").status_code == 200
    api.send("PATCH", "/audiences/vip-2024", {"expires_at": "2020-01-01T00:00:00Z"})
    tasks.expire_audiences(Slice())
    assert api.get("/audiences/vip-2024").status_code == 404
    back = api.post("/audiences/vip-2024/restore", None).json()
    assert (back["state"], back["expires_at"]) == ("active", None)


def test_an_expired_audience_in_use_stays_and_people_are_told(api, vip, ann_account, monkeypatch):
    api.send("PATCH", "/audiences/vip-2024", {"expires_at": "2020-01-01T00:00:00Z"})
    with monkeypatch.context() as used:
        use_it(used)
        tasks.expire_audiences(Slice())
        tasks.expire_audiences(Slice())
    with scope.account(ann_account):
        alert = Alert.objects.get()
    assert (alert.kind, alert.resolved_at, alert.subject) == (
        deleting.EXPIRED_IN_USE,
        None,
        f"audience:{vip.pk}",
    )
    api.send("PATCH", "/audiences/vip-2024", {"expires_at": None})
    with scope.account(ann_account):
        assert Alert.objects.get().resolved_at is not None


def test_what_can_no_longer_be_restored_is_purged(
    api, full, ann_account, audience_of, bob_account, monkeypatch
):
    monkeypatch.setattr(deleting, "ROWS_AT_ONCE", 2)
    bobs = audience_of(bob_account, "Bob’s")
    api.put("/audiences/young", {"name": "Young"})
    api.delete("/audiences/vip-2024")
    delete_before(ann_account, 31)
    api.delete("/audiences/young")
    tasks.purge_audiences(Slice(0))
    with scope.account(ann_account):
        assert Audience.objects.filter(pk=full.pk).exists()
    tasks.purge_audiences(Slice())
    with scope.account(ann_account):
        assert list(Audience.objects.values_list("external_id", flat=True)) == ["young"]
        assert not Member.objects.exists()
        assert not Pending.objects.exists()
        assert not MembershipChange.objects.exists()
        assert Profile.objects.count() == 3
    with scope.account(bob_account):
        assert Audience.objects.filter(pk=bobs.pk).exists()
    assert api.post("/audiences/vip-2024/restore", None).json()["code"] == "audience_not_found"


def test_a_goal_keeps_its_audience(api, full, ann_account):
    with scope.account(ann_account):
        authorization = Authorization.objects.create(
            account=ann_account, connector="campaign_monitor", label="Agency", secrets={"api_key": "x"}
        )
        letter = Connection.objects.create(
            account=ann_account, name="Weekly", connector="campaign_monitor", authorization=authorization
        )
        goal = Goal.objects.create(
            account=ann_account, connection=letter, name="News", list_id="1", list_name="L"
        )
        GoalAudience.objects.create(account=ann_account, goal=goal, audience=full)
    use = {
        "kind": "goal",
        "id": str(goal.pk),
        "name": "Weekly: News",
        "state": "off",
        "url": f"/admin/connectors/goal/{goal.pk}/change/",
        "blocks_delete": True,
    }
    assert api.get("/audiences/vip-2024/usages").json() == [use]
    assert api.delete("/audiences/vip-2024?dry_run=true").json() == {"would_delete": False, "usages": [use]}
    answer = api.delete("/audiences/vip-2024")
    assert (answer.status_code, answer.json()["usages"]) == (409, [use])
    with scope.account(ann_account):
        GoalAudience.objects.all().delete()
    assert api.delete("/audiences/vip-2024").status_code == 204


def test_an_emptying_whose_worker_died_is_done_once(api, full, ann_account, ann):
    """It died after the work was committed and before the job was."""
    settings_of(ann_account, requires_approval=True)
    api.post(EMPTY, {"expected_member_count": 3})
    with scope.account(ann_account):
        job = Job.objects.select_related("audience").get()
        jobs.approve(job, ann)
        approved.empty_audience(job, Slice())
        Job.objects.update(state="running", finished_at=None, result={})
    api.batch("vip-2024", {"add": ["c-9"]})
    carry_out_all(ann_account)
    with scope.account(ann_account):
        job.refresh_from_db()
    assert (job.state, job.result["removed"], api.members("vip-2024")) == ("completed", 3, ["c-9"])


def test_only_one_of_many_at_once_restores(transactional_db, api_of, ann_account):
    api = api_of(ann_account)
    api.put("/audiences/a", {"name": "A"})
    api.delete("/audiences/a")

    def call(_):
        try:
            return api.post("/audiences/a/restore", None)
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(call, range(4)))
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409]


def test_what_came_to_use_a_deleted_audience_keeps_its_members(api, full, ann_account, monkeypatch):
    """As a goal saved in the very moment of the deletion would."""
    api.delete("/audiences/vip-2024")
    delete_before(ann_account, 31)
    use_it(monkeypatch)
    tasks.purge_audiences(Slice())
    with scope.account(ann_account):
        assert Member.objects.filter(audience=full).count() == 3
