"""More errors than an answer lists: all of them are kept as the errors of a finished job."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from django.db import transaction
from django.utils import timezone

from audiences import jobs
from audiences.api.answering import to_problem
from audiences.api.decoding import Batch
from audiences.api.jobs import BASE
from audiences.ingest import ItemOutcome
from audiences.models import Audience, Job
from syncapp.accounts.keys import Client


@transaction.atomic
def keep_errors(
    client: Client, batch: Batch[Any], failed: Sequence[ItemOutcome], audience: Audience | None
) -> str:
    """Where to read them, for as long as jobs keep their errors. `number` is the position in the call."""
    now = timezone.now()
    job: Job = Job.objects.create(
        account_id=client.account_id,
        kind=Job.Kind.AUDIENCE_DELTA,
        state=Job.State.RUNNING,
        key_id=client.key_id,
        audience=audience,
        total=len(batch.items),
        started_at=now,
    )
    jobs.advance(job, succeeded=len(batch.items) - len(failed))
    jobs.add_errors(job, (to_row(batch, outcome) for outcome in failed))
    jobs.finish(job)
    return f"{BASE}/jobs/job_{job.pk}/errors"


def to_row(batch: Batch[Any], outcome: ItemOutcome) -> jobs.ErrorRow:
    problem = to_problem(batch, outcome)
    return jobs.ErrorRow(
        number=outcome.index,
        code=problem.code,
        detail=problem.detail,
        pointer=problem.pointer,
        retryable=problem.retryable,
        original=msgspec.json.encode(batch.original_of(outcome.index)).decode(),
    )
