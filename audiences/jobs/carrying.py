"""The worker's end of a job: one slice of it."""

from __future__ import annotations

import logging

from django.db import InterfaceError, OperationalError
from django.utils import timezone

from audiences.jobs import registry
from audiences.jobs.ending import cancel_asked, finish
from audiences.jobs.queueing import CARRY_OUT
from audiences.models import Job
from syncapp.work import Slice, crashing, handler
from syncapp.work.execute import name_of, place_of
from syncapp.work.models import Wakeup

logger = logging.getLogger("audiences.jobs")

MOST_ATTEMPTS = 5
AWAY = (OperationalError, InterfaceError)


@handler(CARRY_OUT)
def carry_out(account_id: int, key: str, slice_: Slice) -> float | None:
    """None: over, or not to be begun. Else there is more to do, in so many seconds."""
    job = begin(account_id, int(key))
    if job is None:
        return None
    if cancel_asked(job):
        finish(job, state=Job.State.CANCELLED, reason="Cancelled by a call.")
        return None
    try:
        is_done = registry.carriers[job.kind](job, slice_)
    except AWAY:
        raise
    except Exception as error:
        if attempts_of(job) < MOST_ATTEMPTS:
            raise
        words = f"Our fault, {MOST_ATTEMPTS} times: {name_of(type(error))} at {place_of(error)}."
        logger.error("%s failed for good. %s", job, words)
        finish(job, state=Job.State.FAILED, reason=words)
        return None
    if is_done is not True:
        return float(is_done)
    crashing.reached("before_commit", job.kind)
    finish(job)
    return None


def begin(account_id: int, job_id: int) -> Job | None:
    """The job, running; None where it is over or waits for a person."""
    live = Job.objects.of(account_id).filter(pk=job_id, state__in=[Job.State.QUEUED, Job.State.RUNNING])
    live = live.exclude(approval__in=[Job.Approval.WAITING, Job.Approval.REFUSED])
    live.filter(state=Job.State.QUEUED).update(state=Job.State.RUNNING, started_at=timezone.now())
    job: Job | None = live.select_related("audience").first()
    return job


def attempts_of(job: Job) -> int:
    """How often in a row this slice was begun, as the ledger of wake-ups counts it."""
    rows = Wakeup.objects.filter(account_id=job.account_id, kind=CARRY_OUT, key=str(job.pk))
    return int(rows.values_list("attempts", flat=True).first() or 0)
