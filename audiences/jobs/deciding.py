"""A person approves or refuses what a system asked for."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from audiences.jobs import alerts
from audiences.jobs.ending import finish, lock
from audiences.jobs.queueing import wake_up
from audiences.models import Job
from syncapp.accounts.models import User


class AlreadyDecided(ValueError):
    """Somebody decided before, or nobody needs to."""


@transaction.atomic
def approve(job: Job, user: User, reason: str = "") -> None:
    """Let a waiting job begin. Raises AlreadyDecided."""
    decide(job, Job.Approval.APPROVED, user, reason)
    wake_up(job)


@transaction.atomic
def refuse(job: Job, user: User | None, reason: str = "") -> None:
    """End a waiting job without an effect; `user` None: nobody decided in time. Raises AlreadyDecided."""
    decide(job, Job.Approval.REFUSED, user, reason)
    words = "A person refused it" if user is not None else "Nobody approved it in time"
    finish(job, state=Job.State.CANCELLED, reason=f"{words}: {reason}" if reason else f"{words}.")


def decide(job: Job, decision: str, user: User | None, reason: str) -> None:
    locked = lock(job)
    if locked.approval != Job.Approval.WAITING or locked.is_over:
        raise AlreadyDecided(f"{locked} does not wait for anybody.")
    locked.approval = decision
    locked.decided_by = user
    locked.decided_at = timezone.now()
    locked.decision_reason = reason[:200]
    locked.save(update_fields=["approval", "decided_by", "decided_at", "decision_reason"])
    job.refresh_from_db()
    alerts.tell_decided(job)
