"""Calls about one session at the same moment."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection

from audiences.models import Job, Profile, StagedItem
from syncapp.accounts import scope
from tests.api.syncing import Syncs

CALLERS = 8


@pytest.fixture
def syncs(transactional_db, api, ann_account, audience_of):
    with scope.account(ann_account):
        Profile.objects.bulk_create(Profile(account=ann_account, external_id=f"c-{n}") for n in range(100))
    audience_of(ann_account, "VIP 2024", external_id="vip-2024")
    return Syncs(api, ann_account)


def at_once(call: Callable[[int], Any]) -> list[Any]:
    def run(number: int) -> Any:
        try:
            return call(number)
        finally:
            connection.close()

    with ThreadPoolExecutor(CALLERS) as pool:
        return list(pool.map(run, range(CALLERS)))


def statuses(answers: list[Any]) -> Counter[int]:
    return Counter(answer.status_code for answer in answers)


def test_of_many_replaces_one_is_opened(syncs):
    answers = at_once(lambda _: syncs.try_to_open())
    assert statuses(answers) == {201: 1, 409: CALLERS - 1}
    [opened] = [answer.json()["id"] for answer in answers if answer.status_code == 201]
    assert {answer.json()["sync"] for answer in answers if answer.status_code == 409} == {opened}


def test_one_run_opens_one_session(syncs):
    answers = at_once(lambda _: syncs.try_to_open(external_run_id="night-1"))
    assert statuses(answers) == {201: 1, 200: CALLERS - 1}
    assert len({answer.json()["id"] for answer in answers}) == 1


def test_a_chunk_is_kept_once(syncs, in_ann):
    sync = syncs.open()
    chunk = [f"c-{n}" for n in range(100)]
    answers = at_once(lambda _: syncs.put(sync, 1, chunk))
    assert statuses(answers) == {201: 1, 200: CALLERS - 1}
    assert StagedItem.objects.count() == 100
    answers = at_once(lambda number: syncs.put(sync, 2, chunk[number:]))
    assert statuses(answers) == {201: 1, 409: CALLERS - 1}


def test_chunks_arrive_side_by_side(syncs):
    sync = syncs.open()
    answers = at_once(lambda number: syncs.put(sync, number + 1, [f"c-{number}"]))
    assert statuses(answers) == {201: CALLERS}
    assert syncs.get(sync)["received"] == {"chunks": CALLERS, "items": CALLERS, "failed": 0}


def test_a_commit_makes_one_job(syncs, in_ann):
    sync = syncs.open()
    syncs.put(sync, 1, ["c-0"])
    answers = at_once(lambda _: syncs.commit(sync, 1, 1))
    assert statuses(answers) == {202: CALLERS}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert Job.objects.count() == 1


def test_a_chunk_and_the_commit_do_not_miss_each_other(syncs):
    """Whatever comes first: what was answered with 201 is in the commit, or the commit was refused."""
    sync = syncs.open()
    syncs.put(sync, 1, ["c-0"])
    answers = at_once(
        lambda number: syncs.commit(sync, 1, 1) if number == 0 else syncs.put(sync, number + 1, ["c-1"])
    )
    late = [answer.status_code for answer in answers[1:]]
    if answers[0].status_code == 202:
        assert 201 not in late
    else:
        assert answers[0].status_code in (409, 422)
        assert set(late) == {201}


def test_a_cancel_and_the_work_do_not_miss_each_other(syncs):
    for turn in range(4):
        sync = syncs.open(snapshot_at=f"2026-07-0{turn + 1}T12:00:00Z", guards={"max_removed_percent": None})
        syncs.put(sync, 1, [f"c-{turn}"])
        job_id = syncs.commit(sync, 1, 1).json()["id"]
        before = syncs.api.members("vip-2024")
        answers = at_once(
            lambda number, sync=sync, job_id=job_id: (
                syncs.work(job_id) if number == 0 else syncs.api.post(f"/syncs/{sync}/cancel", None)
            )
        )
        state = syncs.get(sync)["state"]
        assert state in ("completed", "cancelled")
        assert syncs.api.members("vip-2024") == ([f"c-{turn}"] if state == "completed" else before)
        expected = {200} if state == "cancelled" else {409}
        assert {answer.status_code for answer in answers[1:]} == expected
