"""Replacing an audience through a sync session."""

from __future__ import annotations

import pytest

from audiences.models import Audience, Change, Member, MembershipChange, Profile
from syncapp.accounts import scope
from tests.api.syncing import NOON, Syncs


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
    assert now["member_count"] == 6
    assert now["last_sync"]["kind"] == "replace"
    assert now["last_sync"]["job_id"] == job["id"]


def test_a_second_replace_leaves_who_stays_untouched(syncs, in_ann):
    syncs.replace(ids(0, 1, 2))
    before = dict(Member.objects.values_list("profile__external_id", "added_at"))
    session = syncs.replace(ids(1, 2, 3), snapshot_at="2026-07-02T12:00:00Z")
    assert session["counters"]["added"] == session["counters"]["removed"] == 1
    assert session["counters"]["already_member"] == 2
    assert members(syncs) == ids(1, 2, 3)
    after = dict(Member.objects.values_list("profile__external_id", "added_at"))
    assert (after["c-1"], after["c-2"]) == (before["c-1"], before["c-2"])
    stored = dict(Member.objects.values_list("profile__external_id", "changed_at"))
    assert stored["c-1"].isoformat() == "2026-07-01T12:00:00+00:00"
    listed = syncs.api.get("/audiences/vip-2024/members").json()["items"]
    assert {item["last_change_at"] for item in listed} == {"2026-07-02T12:00:00Z"}
    assert Member.objects.get(profile__external_id="c-0").state == "removed"
    change = MembershipChange.objects.order_by("pk").last()
    assert (len(change.added), len(change.removed)) == (1, 1)
    assert len(Change.objects.order_by("pk").last().profile_ids) == 2
