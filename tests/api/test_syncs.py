"""Replacing an audience through a sync session, and changing much of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from audiences import syncs as sessions
from audiences.jobs.expiry import expire as expire_jobs
from audiences.models import (
    Audience,
    AudienceSize,
    Change,
    Job,
    Member,
    MembershipChange,
    Pending,
    Profile,
    Property,
    PushSettings,
    StagedItem,
    SyncSession,
)
from audiences.syncs.expiry import expire, tidy
from syncapp.accounts import scope
from syncapp.notices.models import Alert
from syncapp.work import Slice
from tests.api.syncing import NOON, Syncs

LATER = "2026-07-02T12:00:00Z"
EARLIER = "2026-06-30T12:00:00Z"


@pytest.fixture
def people(ann_account):
    """c-0 … c-19 are known."""
    with scope.account(ann_account):
        return Profile.objects.bulk_create(
            Profile(account=ann_account, external_id=f"c-{n}", email=f"c{n}@example.com") for n in range(20)
        )


@pytest.fixture
def syncs(api, ann_account, audience_of, people):
    audience_of(ann_account, "VIP 2024", external_id="vip-2024")
    return Syncs(api, ann_account)


def ids(*numbers):
    return [f"c-{n}" for n in numbers]


def members(syncs):
    return sorted(syncs.api.members(syncs.audience))


def audience(syncs):
    return syncs.api.get(f"/audiences/{syncs.audience}").json()


def code(answer):
    return answer.status_code, answer.json()["code"]


# Chunks and the commit


def test_three_chunks_out_of_order_become_the_audience(syncs):
    sync = syncs.open()
    opened = syncs.get(sync)
    assert (opened["state"], opened["audience"], opened["chunk_limit"]) == ("open", "vip-2024", 50_000)
    for number, chunk in ((3, ids(4, 5)), (1, ids(0, 1)), (2, ids(2, 3))):
        answer = syncs.put(sync, number, chunk)
        assert (answer.status_code, answer.json()["items"], answer.json()["failed"]) == (201, 2, 0)
    assert syncs.get(sync)["received"] == {"chunks": 3, "items": 6, "failed": 0}
    assert members(syncs) == []

    answer = syncs.commit(sync, 3, 6)
    assert (answer.status_code, answer.json()["kind"]) == (202, "audience_replace")
    assert answer.headers["Location"] == f"/api/v1/jobs/{answer.json()['id']}"
    assert syncs.get(sync)["state"] == "validating"
    job = syncs.work(answer.json()["id"])

    assert job["state"] == "completed"
    assert job["progress"] == {"total": 6, "processed": 6, "succeeded": 6, "failed": 0, "skipped": 0}
    assert syncs.get(sync)["state"] == "completed"
    assert members(syncs) == ids(0, 1, 2, 3, 4, 5)
    now = audience(syncs)
    assert (now["member_count"], now["version"]) == (6, 2)
    assert now["last_sync"]["kind"] == "replace"
    assert now["last_sync"]["job_id"] == job["id"]


def test_a_chunk_may_come_again_but_not_with_other_content(syncs):
    sync = syncs.open()
    assert syncs.put(sync, 1, ids(0, 1)).status_code == 201
    again = syncs.put(sync, 1, ids(0, 1))
    assert (again.status_code, again.json()["items"]) == (200, 2)
    assert code(syncs.put(sync, 1, ids(0, 2))) == (409, "chunk_conflict")
    assert syncs.get(sync)["received"]["items"] == 2


def test_the_commit_names_missing_chunks(syncs):
    sync = syncs.open()
    syncs.put(sync, 2, ids(0))
    syncs.put(sync, 4, ids(1))
    listed = syncs.api.get(f"/syncs/{sync}/chunks").json()
    assert [chunk["number"] for chunk in listed["items"]] == [2, 4]
    assert listed["missing"] == [1, 3]
    answer = syncs.commit(sync, 5, 2)
    assert code(answer) == (409, "missing_chunks")
    assert answer.json()["missing"] == [1, 3, 5]
    assert syncs.get(sync)["state"] == "open"
    assert syncs.commit(sync, 3, 2).status_code == 422  # chunk 4 came


def test_totals_have_to_fit(syncs):
    sync = syncs.open(expected_total=3)
    syncs.put(sync, 1, ids(0, 1))
    answer = syncs.commit(sync, 1, 3)
    assert code(answer) == (422, "total_mismatch")
    assert (answer.json()["expected"], answer.json()["staged"]) == (3, 2)
    assert code(syncs.commit(sync, 1, 2)) == (422, "total_mismatch")  # the session's own
    syncs.put(sync, 2, ids(2))
    assert syncs.commit(sync, 2, 3).status_code == 202


def test_a_commit_repeated_while_it_is_in_hand_gives_the_same_job(syncs):
    sync = syncs.open()
    syncs.put(sync, 1, ids(0))
    first, second = syncs.commit(sync, 1, 1), syncs.commit(sync, 1, 1)
    assert (second.status_code, second.json()["id"]) == (202, first.json()["id"])
    assert code(syncs.put(sync, 2, ids(1))) == (409, "session_closed")
    syncs.work(first.json()["id"])
    after = syncs.commit(sync, 1, 1)
    assert code(after) == (409, "session_closed")
    assert (after.json()["state"], after.json()["job_id"]) == ("completed", first.json()["id"])
    assert syncs.put(sync, 1, ids(0)).status_code == 200  # whose answer was lost


def test_the_same_run_gets_the_same_session(syncs, api_of, ann_account):
    first = syncs.try_to_open(external_run_id="night-1")
    again = syncs.try_to_open(external_run_id="night-1")
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json()["id"] == again.json()["id"]
    other = Syncs(api_of(ann_account, "CRM"), ann_account).try_to_open(external_run_id="night-1")
    assert code(other) == (409, "sync_in_progress")


def test_one_replace_at_a_time_and_any_number_of_deltas(syncs):
    sync = syncs.open()
    answer = syncs.try_to_open()
    assert code(answer) == (409, "sync_in_progress")
    assert answer.json()["sync"] == sync
    assert syncs.try_to_open("delta").status_code == 201
    assert syncs.try_to_open("delta").status_code == 201
    syncs.api.post(f"/syncs/{sync}/cancel", None)
    assert syncs.try_to_open().status_code == 201


def test_sessions_of_an_audience_are_listed(syncs):
    made = [syncs.open("delta") for _ in range(3)]
    first = syncs.api.get("/audiences/vip-2024/syncs?limit=2").json()
    second = syncs.api.get(f"/audiences/vip-2024/syncs?limit=2&cursor={first['next_cursor']}").json()
    assert [one["id"] for one in first["items"] + second["items"]] == made[::-1]


# Who ends up in it


def test_a_second_replace_leaves_who_stays_untouched(syncs, in_ann):
    syncs.replace(ids(0, 1, 2))
    before = dict(Member.objects.values_list("profile__external_id", "added_at"))
    session = syncs.replace(ids(1, 2, 3), snapshot_at=LATER)
    assert session["counters"]["added"] == session["counters"]["removed"] == 1
    assert session["counters"]["already_member"] == 2
    assert members(syncs) == ids(1, 2, 3)
    after = dict(Member.objects.values_list("profile__external_id", "added_at"))
    assert (after["c-1"], after["c-2"]) == (before["c-1"], before["c-2"])
    stored = dict(Member.objects.values_list("profile__external_id", "changed_at"))
    assert stored["c-1"] == datetime(2026, 7, 1, 12, tzinfo=UTC)
    listed = syncs.api.get("/audiences/vip-2024/members").json()["items"]
    assert {item["last_change_at"] for item in listed} == {LATER}
    assert Member.objects.get(profile__external_id="c-0").state == "removed"
    change = MembershipChange.objects.order_by("pk").last()
    assert (len(change.added), len(change.removed)) == (1, 1)
    assert len(Change.objects.order_by("pk").last().profile_ids) == 2
    assert AudienceSize.objects.get().members == 3


def test_a_newer_delta_survives_an_older_one_does_not(syncs):
    syncs.replace(ids(0, 1, 2), snapshot_at=EARLIER)
    sync = syncs.open(guards={"max_removed_percent": None})
    syncs.put(sync, 1, ids(0, 1, 5, 6))
    operations = [
        {"op": "add", "id": "c-3", "occurred_at": LATER},
        {"op": "add", "id": "c-4", "occurred_at": "2026-06-30T13:00:00Z"},
        {"op": "remove", "id": "c-0", "occurred_at": LATER},
        {"op": "remove", "id": "c-5", "occurred_at": LATER},
        {"op": "remove", "id": "c-6", "occurred_at": "2026-06-30T13:00:00Z"},
    ]
    syncs.api.batch("vip-2024", {"operations": operations})
    session = syncs.finish(sync, ids(0, 1, 5, 6))
    assert members(syncs) == ids(1, 3, 6)
    assert session["counters"]["stale"] == 2  # c-0 and c-5 were removed after the snapshot
    assert audience(syncs)["member_count"] == 3


def test_after_a_replace_older_operations_are_stale_also_for_who_was_never_there(syncs):
    syncs.replace(ids(0))
    answer = syncs.api.batch(
        "vip-2024",
        {"operations": [{"op": "add", "id": c, "occurred_at": EARLIER} for c in ids(0, 9)]},
    )
    assert answer.json()["summary"]["stale"] == 2
    assert members(syncs) == ids(0)


def test_a_replace_older_than_the_last_one_is_refused(syncs):
    syncs.replace(ids(0), snapshot_at=LATER)
    answer = syncs.try_to_open(snapshot_at=NOON)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["code"] == "stale_snapshot"


def test_who_is_named_twice_counts_once(syncs):
    session = syncs.replace(ids(0, 1, 0), ids(1))
    assert session["counters"] == {
        "received": 4,
        "added": 2,
        "already_member": 0,
        "removed": 0,
        "not_member": 0,
        "held": 0,
        "created": 0,
        "updated": 0,
        "superseded": 2,
        "stale": 0,
        "failed": 0,
    }
    assert members(syncs) == ids(0, 1)


def test_unknown_people_are_rejected_one_by_one(syncs):
    session = syncs.replace(["c-0", "nobody", "c-1"], ["no one"])
    assert session["state"] == "completed_with_errors"
    assert (session["counters"]["added"], session["counters"]["failed"]) == (2, 2)
    assert members(syncs) == ids(0, 1)
    job = syncs.api.get(f"/jobs/{session['job_id']}").json()
    assert job["state"] == "completed_with_errors"
    assert job["progress"] == {"total": 4, "processed": 4, "succeeded": 2, "failed": 2, "skipped": 0}
    assert job["error_summary"] == [
        {"code": "contact_not_found", "count": 2, "retryable": False, "sample": ["nobody", "no one"]}
    ]
    rows = syncs.api.get(f"/jobs/{session['job_id']}/errors").json()["items"]
    assert [(row["index"], row["original"], row["pointer"]) for row in rows] == [
        (1, "nobody", "/chunks/1/items/1"),
        (3, "no one", "/chunks/2/items/0"),
    ]


def test_unknown_people_are_made(syncs, in_ann):
    session = syncs.replace(["c-0", "new-1", "new-2"], unknown_contacts="create")
    assert (session["counters"]["added"], session["counters"]["created"]) == (3, 2)
    assert members(syncs) == ["c-0", "new-1", "new-2"]
    assert Profile.objects.filter(external_id="new-1").exists()


def test_unknown_people_are_held_until_they_come(syncs, in_ann):
    session = syncs.replace(["c-0", "later-1", "later-2"], unknown_contacts="hold")
    assert session["counters"]["held"] == 2
    assert (audience(syncs)["member_count"], audience(syncs)["held_count"]) == (1, 2)
    again = syncs.replace(["c-0", "later-2"], unknown_contacts="hold", snapshot_at=LATER)
    assert again["counters"]["held"] == 1
    assert [row.value for row in Pending.objects.filter(state="member")] == ["later-2"]
    assert audience(syncs)["held_count"] == 1
    syncs.api.put("/contacts/later-2", {"email": "later@example.com"})
    assert members(syncs) == ["c-0", "later-2"]


def test_newer_held_rows_survive(syncs, in_ann):
    held = {"op": "add", "id": "later-1", "occurred_at": LATER}
    syncs.api.batch("vip-2024", {"unknown_contacts": "hold", "operations": [held]})
    older = {"op": "add", "id": "later-2", "occurred_at": EARLIER}
    syncs.api.batch("vip-2024", {"unknown_contacts": "hold", "operations": [older]})
    syncs.replace(ids(0))
    assert [row.value for row in Pending.objects.all()] == ["later-1"]
    assert audience(syncs)["held_count"] == 1


def test_contact_data_are_written_and_a_bad_item_leaves_its_person_alone(syncs, in_ann):
    Property.objects.create(account=in_ann, key="points", label="Points", type="number")
    syncs.replace(ids(0, 1), snapshot_at=EARLIER)
    items = [
        {"external_id": "c-0", "properties": {"points": "many"}},
        {"external_id": "c-2", "properties": {"points": 7}},
        {"external_id": "c-3", "email": "c1@example.com"},
        {"external_id": "c-4", "colour": "red"},
    ]
    session = syncs.replace(items)
    assert (session["counters"]["added"], session["counters"]["failed"]) == (1, 3)
    assert members(syncs) == ids(0, 2)  # c-0 was named by a bad item only: it stays; c-1 left
    assert Profile.objects.get(external_id="c-2").properties == {"points": 7}
    rows = syncs.api.get(f"/jobs/{session['job_id']}/errors").json()["items"]
    assert [(row["code"], row["pointer"]) for row in rows] == [
        ("invalid_contact", "/chunks/1/members/0/properties/points"),
        ("email_taken", "/chunks/1/items/2/email"),
        ("unknown_field", "/chunks/1/members/3/colour"),
    ]
    assert rows[0]["original"] == items[0]


def test_erased_people_stay_out(syncs, in_ann):
    answer = syncs.api.post("/contacts/c-0/erase", None)
    syncs.work(answer.json()["id"])
    for policy in ("reject", "hold", "create"):
        session = syncs.replace(ids(0, 1), unknown_contacts=policy, snapshot_at=timezone.now().isoformat())
        summary = syncs.api.get(f"/jobs/{session['job_id']}").json()["error_summary"]
        assert [(one["code"], one["count"]) for one in summary] == [("erased", 1)]
        assert members(syncs) == ids(1)


@pytest.mark.parametrize(
    ("identifier", "to_value"),
    [
        ("email", lambda profile: f" C{profile.external_id[2:]}@Example.COM "),
        ("id", lambda profile: str(profile.pk)),
        ("email_sha256", lambda profile: bytes(profile.email_sha256).hex().upper()),
    ],
)
def test_other_identifiers(syncs, in_ann, identifier, to_value):
    profiles = list(Profile.objects.order_by("pk")[:3])
    session = syncs.replace([to_value(one) for one in profiles], identifier=identifier)
    assert session["counters"]["added"] == 3
    assert members(syncs) == ids(0, 1, 2)


def test_several_kinds_in_one_session(syncs, in_ann):
    profile = Profile.objects.get(external_id="c-2")
    items = ["c-0", {"email": "c1@example.com"}, {"id": str(profile.pk)}, {"email": "nobody@example.com"}]
    session = syncs.replace(items)
    assert (session["counters"]["added"], session["counters"]["failed"]) == (3, 1)
    assert members(syncs) == ids(0, 1, 2)


# Guards


def blocked(syncs, **guards):
    """Ten members, of whom a replace takes four."""
    syncs.replace(ids(*range(10)), snapshot_at=EARLIER)
    sync = syncs.open(guards=guards)
    syncs.put(sync, 1, ids(*range(6)))
    answer = syncs.commit(sync, 1, 6)
    assert answer.status_code == 202
    return sync, syncs.work(answer.json()["id"])


def test_a_guard_stops_a_shrinking_audience_and_its_token_lets_it_pass_once(syncs):
    sync, job = blocked(syncs)
    session = syncs.get(sync)
    assert session["state"] == "blocked_by_guard"
    guard = session["guard"]
    assert guard["tripped"] == ["max_removed_percent"]
    assert (guard["would_add"], guard["would_remove"], guard["percent"]) == (0, 4, 40.0)
    assert (job["state"], job["progress"]["processed"]) == ("failed", 0)
    assert members(syncs) == ids(*range(10))

    refused = syncs.commit(sync, 1, 6)
    assert code(refused) == (409, "guard_tripped")
    assert refused.json()["guard"]["would_remove"] == 4
    assert "confirm_token" not in refused.json()["guard"]
    assert code(syncs.commit(sync, 1, 6, confirm_token="ct_wrong")) == (409, "guard_tripped")

    token = guard["confirm_token"]
    passed = syncs.commit(sync, 1, 6, confirm_token=token)
    assert passed.status_code == 202
    assert passed.json()["id"] != job["id"]
    syncs.work(passed.json()["id"])
    assert syncs.get(sync)["state"] == "completed"
    assert members(syncs) == ids(*range(6))
    assert code(syncs.commit(sync, 1, 6, confirm_token=token)) == (409, "session_closed")


def test_the_token_fits_only_what_was_staged(syncs):
    sync, _ = blocked(syncs)
    token = syncs.get(sync)["guard"]["confirm_token"]
    assert syncs.put(sync, 2, ids(6)).status_code == 201
    assert syncs.get(sync)["state"] == "open"
    assert code(syncs.commit(sync, 2, 7, confirm_token=token)) == (409, "guard_tripped")
    answer = syncs.commit(sync, 2, 7)  # three of ten leave: at the limit, not above it
    syncs.work(answer.json()["id"])
    assert syncs.get(sync)["state"] == "completed"
    assert members(syncs) == ids(*range(7))


def test_other_guards(syncs):
    for guards, tripped in (
        ({"max_removed_percent": 40, "max_removed": 3}, ["max_removed"]),
        ({"max_removed_percent": None, "min_total": 7}, ["min_total"]),
        ({"max_removed_percent": 40, "max_removed": 4, "min_total": 6}, None),
    ):
        sync, _ = blocked(syncs, **guards)
        guard = syncs.get(sync)["guard"]
        assert (None if guard is None else guard["tripped"]) == tripped
        syncs.api.post(f"/syncs/{sync}/cancel", None)
        with scope.account(syncs.account):
            SyncSession.objects.all().delete()
            Audience.objects.update(replaced_at=None)


def test_too_many_failures_stop_it(syncs):
    sync = syncs.open(guards={"max_failed_percent": 20})
    syncs.put(sync, 1, [*ids(0, 1, 2), "x", "y"])
    job = syncs.work(syncs.commit(sync, 1, 5).json()["id"])
    session = syncs.get(sync)
    assert (session["guard"]["tripped"], session["guard"]["failed_percent"]) == (["max_failed_percent"], 40.0)
    assert job["progress"] == {"total": 5, "processed": 2, "succeeded": 0, "failed": 2, "skipped": 0}
    assert job["error_summary"][0]["count"] == 2
    left = b"".join(syncs.api.get(job["links"]["unprocessed"]).streaming_content).splitlines()
    assert len(left) == 5


def test_nobody_at_all_needs_min_total_0_and_a_token(syncs):
    syncs.replace(ids(0, 1), snapshot_at=EARLIER)
    sync = syncs.open(guards={"max_removed_percent": None})
    syncs.work(syncs.commit(sync, 0, 0).json()["id"])
    guard = syncs.get(sync)["guard"]
    assert (guard["tripped"], guard["confirmable"], guard["confirm_token"]) == (["min_total"], False, None)
    syncs.api.post(f"/syncs/{sync}/cancel", None)

    sync = syncs.open(guards={"max_removed_percent": None, "min_total": 0})
    syncs.put(sync, 1, [])
    syncs.work(syncs.commit(sync, 1, 0).json()["id"])
    guard = syncs.get(sync)["guard"]
    assert guard["tripped"] == ["empty"]
    assert members(syncs) == ids(0, 1)
    syncs.work(syncs.commit(sync, 1, 0, confirm_token=guard["confirm_token"]).json()["id"])
    assert members(syncs) == []
    assert audience(syncs)["member_count"] == 0


def test_only_unknown_people_are_nobody_at_all(syncs):
    syncs.replace(ids(0, 1), snapshot_at=EARLIER)
    session = syncs.replace(["x", "y"], guards={"max_removed_percent": 100, "min_total": 0})
    assert session["guard"]["tripped"] == ["empty"]
    assert members(syncs) == ids(0, 1)


def test_a_person_approves_what_a_guard_stopped(syncs, ann, in_ann):
    sync, _ = blocked(syncs)
    assert Alert.objects.get(kind="sync_blocked").resolved_at is None
    session = SyncSession.objects.get(pk=int(sync.removeprefix("sync_")))
    sessions.confirm(session, ann)
    assert (session.state, session.confirmed_by) == ("validating", ann)
    syncs.work(f"job_{session.job_id}")
    assert syncs.get(sync)["state"] == "completed"
    assert members(syncs) == ids(*range(6))
    assert Alert.objects.get(kind="sync_blocked").resolved_at is not None
    with pytest.raises(sessions.CannotConfirm):
        sessions.confirm(session, ann)


def test_a_person_refuses(syncs, ann, in_ann):
    sync, _ = blocked(syncs)
    session = SyncSession.objects.get(pk=int(sync.removeprefix("sync_")))
    sessions.refuse(session, ann, "Half is missing.")
    assert syncs.get(sync)["state"] == "cancelled"
    assert "Half is missing." in syncs.get(sync)["reason"]
    assert members(syncs) == ids(*range(10))


def test_where_a_person_has_to_approve_there_is_no_token(syncs, ann, in_ann):
    PushSettings.objects.create(account=in_ann, requires_approval=True)
    session = syncs.replace(ids(0, 1))
    assert session["state"] == "blocked_by_guard"
    assert session["guard"]["tripped"] == ["approval_required"]
    assert session["guard"]["confirm_token"] is None
    assert "A person has to approve it." in syncs.api.get(f"/jobs/{session['job_id']}").json()["reason"]
    refused = syncs.commit(session["id"], session["received"]["chunks"], session["received"]["items"]).json()
    assert (refused["code"], "A person has to approve it." in refused["detail"]) == ("guard_tripped", True)
    row = SyncSession.objects.get(pk=int(session["id"].removeprefix("sync_")))
    assert Alert.objects.get(kind="approval_wanted").resolved_at is None
    sessions.confirm(row, ann)
    syncs.work(f"job_{row.job_id}")
    assert members(syncs) == ids(0, 1)


# Ends


def test_a_session_is_cancelled_until_it_is_applied(syncs):
    sync = syncs.open()
    syncs.put(sync, 1, ids(0))
    job_id = syncs.commit(sync, 1, 1).json()["id"]
    answer = syncs.api.post(f"/syncs/{sync}/cancel", None)
    assert (answer.status_code, answer.json()["state"]) == (200, "cancelled")
    assert syncs.api.post(f"/syncs/{sync}/cancel", None).status_code == 200
    job = syncs.work(job_id)
    assert (job["state"], job["progress"]["processed"]) == ("cancelled", 0)
    left = b"".join(syncs.api.get(job["links"]["unprocessed"]).streaming_content)
    assert left == b'"c-0"\n'
    assert members(syncs) == []
    assert code(syncs.put(sync, 2, ids(1))) == (409, "session_closed")


def test_a_cancelled_job_takes_its_session_along(syncs):
    sync = syncs.open()
    syncs.put(sync, 1, ids(0))
    job_id = syncs.commit(sync, 1, 1).json()["id"]
    assert syncs.api.post(f"/jobs/{job_id}/cancel", None).status_code == 200
    assert syncs.get(sync)["state"] == "cancelled"


def test_once_it_is_applied_it_is_not_cancelled(syncs):
    session = syncs.replace(ids(0))
    assert code(syncs.api.post(f"/syncs/{session['id']}/cancel", None)) == (409, "session_closed")


def test_a_session_nobody_commits_expires(syncs, in_ann):
    sync = syncs.open()
    syncs.put(sync, 1, ids(0))
    SyncSession.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert syncs.get(sync)["state"] == "expired"
    assert code(syncs.put(sync, 2, ids(1))) == (410, "session_expired")
    assert code(syncs.commit(sync, 1, 1)) == (410, "session_expired")
    assert syncs.try_to_open().status_code == 201  # it is in nobody's way


def test_what_was_staged_is_tidied_away(syncs, in_ann):
    done = syncs.replace(ids(0))
    tidy(in_ann.pk, done["id"].removeprefix("sync_"), Slice())
    assert StagedItem.objects.count() == 0

    sync = syncs.open(snapshot_at=LATER)
    syncs.put(sync, 1, ids(0))
    job_id = syncs.commit(sync, 1, 1).json()["id"]
    syncs.api.post(f"/syncs/{sync}/cancel", None)
    tidy(in_ann.pk, sync.removeprefix("sync_"), Slice())
    assert StagedItem.objects.count() == 1  # still to be had as what was not done
    Job.objects.filter(pk=int(job_id.removeprefix("job_"))).update(expires_at=timezone.now())
    expire(in_ann.pk)
    tidy(in_ann.pk, sync.removeprefix("sync_"), Slice())
    assert StagedItem.objects.count() == 0


def test_a_deleted_audience_ends_its_session(syncs):
    sync = syncs.open()
    syncs.put(sync, 1, ids(0))
    job_id = syncs.commit(sync, 1, 1).json()["id"]
    assert syncs.api.delete("/audiences/vip-2024").status_code == 204
    with scope.account(syncs.account):
        job = Job.objects.get(pk=int(job_id.removeprefix("job_")))
    syncs.work(job_id)
    with scope.account(syncs.account):
        job.refresh_from_db()
    assert (job.state, job.reason) == ("failed", "The audience was deleted.")
    assert code(syncs.api.get(f"/syncs/{sync}")) == (404, "sync_not_found")


# Deltas


def test_a_delta_adds_and_removes_at_once(syncs):
    syncs.replace(ids(0, 1, 2), snapshot_at=EARLIER)
    session = syncs.delta(
        [{"op": "add", "id": "c-3"}, {"op": "remove", "id": "c-0"}],
        [{"op": "remove", "id": "c-9"}, {"op": "add", "id": "c-1"}, {"op": "add", "id": "nobody"}],
    )
    assert session["state"] == "completed_with_errors"
    counters = session["counters"]
    assert [counters[name] for name in ("added", "removed", "not_member", "already_member", "failed")] == [
        1
    ] * 5
    assert members(syncs) == ids(1, 2, 3)
    assert audience(syncs)["last_sync"]["kind"] == "delta"
    rows = syncs.api.get(f"/jobs/{session['job_id']}/errors").json()["items"]
    assert rows[0]["original"] == {"op": "add", "id": "nobody"}


def test_in_a_delta_time_decides_then_place(syncs):
    syncs.delta(
        [
            {"op": "add", "id": "c-0", "occurred_at": LATER},
            {"op": "remove", "id": "c-0", "occurred_at": NOON},
            {"op": "add", "id": "c-1"},
        ],
        [{"op": "remove", "id": "c-1"}],
    )
    assert members(syncs) == ids(0)
    stale = syncs.delta([{"op": "remove", "id": "c-0", "occurred_at": NOON}])
    assert stale["counters"]["stale"] == 1
    assert members(syncs) == ids(0)


def test_removals_of_unknown_people_leave_a_trace_under_hold(syncs, in_ann):
    removal = {"op": "remove", "id": "later-1", "occurred_at": LATER}
    session = syncs.delta([removal], unknown_contacts="hold")
    assert session["counters"]["not_member"] == 1
    late = syncs.delta([{"op": "add", "id": "later-1"}], unknown_contacts="hold")
    assert late["counters"]["stale"] == 1
    assert audience(syncs)["held_count"] == 0


def test_a_delta_of_nothing_is_refused(syncs):
    sync = syncs.open("delta")
    assert code(syncs.commit(sync, 0, 0)) == (422, "empty_request")


# Envelopes


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"snapshot_at": NOON}, 422),
        ({"mode": "replace"}, 422),
        ({"mode": "append", "snapshot_at": NOON}, 422),
        ({"mode": "replace", "snapshot_at": "2026-07-01T12:00:00"}, 422),
        ({"mode": "replace", "snapshot_at": "2099-07-01T12:00:00Z"}, 422),
        ({"mode": "replace", "snapshot_at": NOON, "guards": {"max_removed_percent": 101}}, 422),
        ({"mode": "replace", "snapshot_at": NOON, "guards": {"max": 1}}, 422),
        ({"mode": "replace", "snapshot_at": NOON, "colour": "red"}, 422),
        (b'{"mode": "replace", "mode": "delta"}', 400),
    ],
)
def test_a_wrong_session_is_refused(syncs, body, status):
    answer = syncs.api.post("/audiences/vip-2024/syncs", body)
    assert answer.status_code == status
    assert syncs.api.get("/audiences/vip-2024/syncs").json()["items"] == []


def test_scopes(syncs, api_of, ann_account, audience_of):
    writer = Syncs(api_of(ann_account, "writer", ["members:write"]), ann_account)
    assert writer.try_to_open().json()["scope"] == "members:replace"
    assert writer.try_to_open("delta").status_code == 201
    assert writer.try_to_open("delta", unknown_contacts="create").json()["scope"] == "contacts:write"
    sync = syncs.open()
    assert writer.api.get(f"/syncs/{sync}").status_code == 403
    assert writer.put(sync, 1, ids(0)).json()["scope"] == "members:replace"
    replacer = Syncs(api_of(ann_account, "replacer", ["members:replace"]), ann_account)
    assert replacer.put(sync, 1, ids(0)).status_code == 201
    data = [{"external_id": "c-1", "properties": {}}]
    assert replacer.put(sync, 2, data).json()["scope"] == "contacts:write"
    assert replacer.get(sync)["received"]["chunks"] == 1


def test_another_accounts_session_is_as_unknown_as_any(syncs, api_of, bob_account):
    sync = syncs.open()
    bob = api_of(bob_account, "Bob’s")
    for method, path in (("GET", ""), ("GET", "/chunks"), ("POST", "/commit"), ("POST", "/cancel")):
        body = {"chunks": 0, "total": 0} if path == "/commit" else None
        foreign = bob.send(method, f"/syncs/{sync}{path}", body)
        unknown = bob.send(method, f"/syncs/sync_987654321{path}", body)
        assert code(foreign) == code(unknown) == (404, "sync_not_found")
        assert foreign.json()["detail"] == unknown.json()["detail"]
    assert code(bob.put(f"/syncs/{sync}/chunks/1", {"members": []})) == (404, "sync_not_found")


def test_old_jobs_and_sessions_are_forgotten(syncs, in_ann):
    syncs.replace(["c-0", "nobody"])
    later = timezone.now() + timedelta(days=98)
    expire_jobs(in_ann.pk, later)
    assert (Job.objects.count(), SyncSession.objects.get().job_id) == (0, None)
    expire(in_ann.pk, later)
    assert SyncSession.objects.count() == StagedItem.objects.count() == 0
    assert members(syncs) == ids(0)
