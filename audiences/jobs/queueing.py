"""Make a job, in the transaction of the call that asked for it."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from audiences.jobs import alerts
from audiences.models import Audience, Job, push_settings
from syncapp.accounts.keys import Client
from syncapp.work import wake

CARRY_OUT = "audiences.job"


@transaction.atomic
def queue(
    *,
    client: Client | None,
    account_id: int,
    kind: str,
    audience: Audience | None = None,
    params: dict[str, Any] | None = None,
    total: int | None = None,
    destructive: bool = False,
) -> Job:
    """A queued job; a worker begins when the caller's transaction commits. Runs in the account's scope.

    `client` is the system that asked, None for a person. `destructive`: where the account wants a person's approval
    the job waits for it, and staff are told.
    """
    waits = destructive and push_settings(account_id).requires_approval
    job: Job = Job.objects.create(
        account_id=account_id,
        kind=kind,
        key_id=None if client is None else client.key_id,
        audience=audience,
        params=params or {},
        total=total,
        approval=Job.Approval.WAITING if waits else "",
    )
    if waits:
        alerts.tell_waiting(job, "" if client is None else client.label)
    else:
        wake_up(job)
    return job


def wake_up(job: Job) -> None:
    wake(CARRY_OUT, str(job.pk), account_id=job.account_id)
