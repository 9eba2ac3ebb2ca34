"""How a job ends: done, failed, or taken back."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from audiences import happenings
from audiences.jobs import registry
from audiences.models import Job
from syncapp.api import limits

KEPT = timedelta(days=limits.JOB_RESULT_DAYS)
DONE = (Job.State.COMPLETED, Job.State.COMPLETED_WITH_ERRORS)


class AlreadyOver(ValueError):
    """The job has ended; nothing about it can be changed."""


@transaction.atomic
def finish(
    job: Job, *, state: str | None = None, result: dict[str, Any] | None = None, reason: str = ""
) -> bool:
    """End the job. `state` None: completed, with errors where some failed. False: it was over already.

    Raises ValueError where a job would be done though it has not processed its total.
    """
    locked = lock(job)
    if locked.is_over:
        job.refresh_from_db()
        return False
    locked.state = state or (Job.State.COMPLETED_WITH_ERRORS if locked.failed else Job.State.COMPLETED)
    if locked.total is None:
        locked.total = locked.processed
    if locked.state in DONE and locked.processed != locked.total:
        raise ValueError(f"{locked} processed {locked.processed} of {locked.total}: it is not done.")
    if result is not None:
        locked.result = result
    locked.reason = reason[:300]
    locked.finished_at = timezone.now()
    locked.expires_at = locked.finished_at + KEPT
    locked.save(update_fields=["state", "total", "result", "reason", "finished_at", "expires_at"])
    job.refresh_from_db()
    if job.kind in registry.over_hooks:
        registry.over_hooks[job.kind](job)
    happenings.job_finished(job)
    return True


@transaction.atomic
def cancel(job: Job, reason: str = "Cancelled by a call.") -> None:
    """Take it back: at once where it has not begun, else at its next border. Raises AlreadyOver."""
    locked = lock(job)
    if locked.is_over:
        raise AlreadyOver(f"{locked} is {locked.state}.")
    if locked.state == Job.State.QUEUED:
        finish(job, state=Job.State.CANCELLED, reason=reason)
    else:
        Job.objects.of(job.account_id).filter(pk=job.pk, cancel_asked_at=None).update(
            cancel_asked_at=timezone.now()
        )
        job.refresh_from_db()


def cancel_asked(job: Job) -> bool:
    """Whether somebody wants it to stop, as of now."""
    return bool(Job.objects.of(job.account_id).filter(pk=job.pk).exclude(cancel_asked_at=None).exists())


def lock(job: Job) -> Job:
    """The row as it is now, nobody else's until the transaction ends."""
    found: Job = Job.objects.of(job.account_id).select_for_update().get(pk=job.pk)
    return found
