"""What time takes away: results after seven days, approvals nobody gave, jobs whose workers died of them."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.utils import timezone

from audiences.jobs.deciding import AlreadyDecided, refuse
from audiences.jobs.ending import KEPT, finish
from audiences.jobs.queueing import CARRY_OUT
from audiences.models import Job, JobError, JobPart
from syncapp.accounts import scope
from syncapp.accounts.models import Account
from syncapp.work import Slice, every
from syncapp.work.models import Wakeup

REMEMBERED = timedelta(days=90)  # that there was a job, and how it ended


@every(3600, name="audiences.expire_jobs")
def expire_jobs(slice_: Slice) -> float | None:
    """Account by account."""
    for account_id in Account.objects.order_by("pk").values_list("pk", flat=True):
        with scope.account(account_id):
            expire(account_id)
        if slice_.is_over():
            return 60
    return None


def expire(account_id: int, now: datetime | None = None) -> None:
    """Runs in the account's scope."""
    moment = now or timezone.now()
    jobs = Job.objects.of(account_id)
    for job in jobs.filter(
        approval=Job.Approval.WAITING, created_at__lte=moment - KEPT, state=Job.State.QUEUED
    ):
        try:
            refuse(job, None)
        except AlreadyDecided:
            continue  # somebody was quicker
    end_stopped(account_id)
    expired = jobs.filter(expires_at__lte=moment).values("pk")
    JobError.objects.of(account_id).filter(job_id__in=expired).delete()
    JobPart.objects.of(account_id).filter(job_id__in=expired).delete()
    jobs.filter(expires_at__lte=moment - REMEMBERED).delete()


def end_stopped(account_id: int) -> None:
    """Jobs that killed their workers until they were stopped would run for ever."""
    stopped = Wakeup.objects.filter(
        account_id=account_id, kind=CARRY_OUT, state=Wakeup.State.QUARANTINED
    ).values_list("key", flat=True)
    for job in Job.objects.of(account_id).filter(
        pk__in=[int(key) for key in stopped], state=Job.State.RUNNING
    ):
        finish(job, state=Job.State.FAILED, reason="Our fault: its workers died of it, time and again.")
