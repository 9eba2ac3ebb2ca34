"""The life of a job: slices, books, cancelling, approval, expiry."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from audiences import jobs
from audiences.jobs import ErrorRow
from audiences.jobs.expiry import expire
from audiences.models import Job, JobError, PushSettings
from syncapp.accounts import scope
from syncapp.notices.models import Alert
from syncapp.work.models import Wakeup
from tests.audiences.jobs.conftest import work_at


def three_of_ten(job, slice_):
    """Does three items a slice, of ten; the second of each three fails."""
    done = job.cursor.get("done", 0)
    items = range(done, min(done + 3, 10))
    bad = [ErrorRow(n, "invalid_contact", "No.", f"/{n}", original=f'"c-{n}"') for n in items if n % 3 == 1]
    jobs.add_errors(job, bad)
    jobs.advance(job, succeeded=len(items) - len(bad), cursor={"done": done + len(items)})
    return done + len(items) == 10


def test_slices_add_up(in_ann, queued, carried):
    carried(three_of_ten)
    job = queued(in_ann, total=10)
    assert [work_at(job) for _ in range(4)] == [0, 0, 0, None]
    assert (job.state, job.total, job.processed, job.succeeded, job.failed) == (
        Job.State.COMPLETED_WITH_ERRORS,
        10,
        10,
        7,
        3,
    )
    [summary] = job.error_summary
    assert summary == {
        "code": "invalid_contact",
        "count": 3,
        "retryable": False,
        "sample": ["c-1", "c-4", "c-7"],
    }
    assert work_at(job) is None
    assert job.processed == 10


def test_samples_are_few_however_many_rows_fail(in_ann, queued):
    job = queued(in_ann)
    for start in (0, 500):
        rows = [
            ErrorRow(n, "erased" if n % 2 else "locked", retryable=n % 2 == 0, original=f'{{"id": "c-{n}"}}')
            for n in range(start, start + 500)
        ]
        assert jobs.add_errors(job, rows) == 500
        assert jobs.add_errors(job, rows) == 0  # again, after a crash
    assert [(one["code"], one["count"], len(one["sample"])) for one in job.error_summary] == [
        ("erased", 500, 5),
        ("locked", 500, 5),
    ]
    assert job.error_summary[0]["sample"][0] == "c-1"
    assert jobs.recount_errors(job) == job.error_summary
    assert (job.failed, job.processed) == (1000, 1000)


def test_what_has_not_processed_its_total_is_not_done(in_ann, queued):
    job = queued(in_ann, total=2)
    jobs.advance(job, succeeded=1)
    with pytest.raises(ValueError, match="1 of 2"):
        jobs.finish(job)
    assert jobs.finish(job, state=Job.State.FAILED, reason="Enough.")
    assert not jobs.finish(job)
    assert (job.state, job.reason) == (Job.State.FAILED, "Enough.")


def test_cancelled_before_it_began_it_ends_at_once(in_ann, queued, carried):
    carried(three_of_ten)
    job = queued(in_ann, total=10)
    jobs.cancel(job)
    assert (job.state, job.processed) == (Job.State.CANCELLED, 0)
    assert work_at(job) is None
    assert job.processed == 0
    with pytest.raises(jobs.AlreadyOver):
        jobs.cancel(job)


def test_cancelled_in_the_middle_it_stops_at_the_next_border(in_ann, queued, carried):
    carried(three_of_ten)
    job = queued(in_ann, total=10)
    work_at(job)
    jobs.cancel(job)
    assert job.state == Job.State.RUNNING
    assert jobs.cancel_asked(job)
    assert work_at(job) is None
    assert (job.state, job.processed, job.total) == (Job.State.CANCELLED, 3, 10)


def test_a_job_that_fails_five_times_is_given_up(in_ann, queued, carried):
    def fail(job, slice_):
        raise RuntimeError("secret of ann@example.com")

    carried(fail)
    job = queued(in_ann, total=1)
    rows = Wakeup.objects.filter(kind="audiences.job", key=str(job.pk))
    for attempt in range(1, 5):
        rows.update(attempts=attempt)
        with pytest.raises(RuntimeError):
            work_at(job)
    rows.update(attempts=5)
    assert work_at(job) is None
    assert job.state == Job.State.FAILED
    assert "RuntimeError" in job.reason
    assert "secret" not in job.reason


@pytest.fixture
def careful(in_ann):
    """Ann's account wants a person's approval."""
    return PushSettings.objects.create(account=in_ann, requires_approval=True)


def test_a_destructive_job_waits_for_a_person(in_ann, careful, ann, queued, carried):
    carried(three_of_ten)
    job = queued(in_ann, total=10, destructive=True)
    assert job.approval == Job.Approval.WAITING
    assert work_at(job) is None
    assert job.state == Job.State.QUEUED
    assert Alert.objects.get(kind="approval_wanted").resolved_at is None

    jobs.approve(job, ann, "Asked for by phone.")
    while work_at(job) is not None:
        pass
    assert (job.state, job.decided_by, job.decision_reason) == (
        Job.State.COMPLETED_WITH_ERRORS,
        ann,
        "Asked for by phone.",
    )
    assert Alert.objects.get(kind="approval_wanted").resolved_at is not None
    with pytest.raises(jobs.AlreadyDecided):
        jobs.refuse(job, ann)


def test_what_a_person_refuses_is_not_done(in_ann, careful, ann, queued, carried):
    carried(three_of_ten)
    job = queued(in_ann, total=10, destructive=True)
    jobs.refuse(job, ann, "A mistake.")
    assert work_at(job) is None
    assert (job.state, job.processed, job.reason) == (
        Job.State.CANCELLED,
        0,
        "A person refused it: A mistake.",
    )
    with pytest.raises(jobs.AlreadyDecided):
        jobs.approve(job, ann)


def test_without_the_setting_nobody_is_asked(in_ann, queued):
    assert queued(in_ann, destructive=True).approval == ""


def test_results_go_after_seven_days_and_the_job_later(in_ann, queued):
    job = queued(in_ann)
    jobs.add_errors(job, [ErrorRow(0, "erased")])
    jobs.finish(job)
    expire(in_ann.pk, timezone.now() + timedelta(days=6))
    assert JobError.objects.count() == 1
    expire(in_ann.pk, timezone.now() + timedelta(days=8))
    assert JobError.objects.count() == 0
    assert Job.objects.filter(pk=job.pk).exists()
    expire(in_ann.pk, timezone.now() + timedelta(days=98))
    assert not Job.objects.filter(pk=job.pk).exists()


def test_an_approval_nobody_gives_ends(in_ann, careful, queued):
    job = queued(in_ann, destructive=True)
    expire(in_ann.pk, timezone.now() + timedelta(days=8))
    job.refresh_from_db()
    assert (job.state, job.reason) == (Job.State.CANCELLED, "Nobody approved it in time.")


def test_a_job_whose_workers_die_of_it_ends(in_ann, queued, carried):
    job = queued(in_ann)
    Job.objects.filter(pk=job.pk).update(state=Job.State.RUNNING)
    Wakeup.objects.filter(key=str(job.pk)).update(state=Wakeup.State.QUARANTINED)
    expire(in_ann.pk)
    job.refresh_from_db()
    assert job.state == Job.State.FAILED


def test_another_accounts_jobs_are_out_of_reach(bob_account, queued, ann_account):
    job = queued(bob_account)
    with scope.account(ann_account):
        assert not Job.objects.filter(pk=job.pk).exists()
