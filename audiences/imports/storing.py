"""Keep what comes in as parts of a job, each committed by itself; the job begins when all of it is there."""

from __future__ import annotations

import gzip
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from audiences.jobs.queueing import wake_up
from audiences.models import Audience, Job, JobPart
from syncapp.accounts import scope
from syncapp.accounts.keys import Client
from syncapp.accounts.models import Account
from syncapp.api.problems import Problem
from syncapp.work import Slice, every

PART_LINES = 20_000
PART_BYTES = 8 * 1024 * 1024
GIVEN_UP = timedelta(hours=1)  # without another part: the upload died


class Store:
    """A job that receives its parts. Nobody carries it out before `start`; `discard` leaves nothing of it."""

    def __init__(self, client: Client, audience: Audience | None, params: dict[str, Any]) -> None:
        self.job: Job = Job.objects.create(
            account_id=client.account_id,
            kind=Job.Kind.CONTACTS_IMPORT,
            key_id=client.key_id,
            audience=audience,
            params={**params, "receiving": True},
            cursor={"received_at": timezone.now().isoformat()},
        )
        self.items = 0
        self._parts = 0

    def add_all(self, lines: Iterable[bytes]) -> None:
        kept: list[bytes] = []
        size = 0
        for line in lines:
            kept.append(line)
            size += len(line)
            if len(kept) >= PART_LINES or size >= PART_BYTES:
                self._add(kept)
                kept, size = [], 0
        if kept:
            self._add(kept)

    @transaction.atomic
    def _add(self, lines: list[bytes]) -> None:
        JobPart.objects.create(
            account_id=self.job.account_id,
            job=self.job,
            number=self._parts,
            items=len(lines),
            first_line=int(lines[0].split(b"\t", 1)[0]),
            body=gzip.compress(b"\n".join(lines), 1),
        )
        self._parts += 1
        self.items += len(lines)
        rows = Job.objects.of(self.job.account_id).filter(pk=self.job.pk, state=Job.State.QUEUED)
        if not rows.update(cursor={"received_at": timezone.now().isoformat()}):
            raise Problem("job_over", "The job was cancelled while its body came in.", state="cancelled")

    @transaction.atomic
    def start(self, **params: Any) -> Job:
        """Everything is there. `params` are those only the end tells."""
        job: Job = Job.objects.of(self.job.account_id).select_for_update(of=["self"]).get(pk=self.job.pk)
        if job.is_over:
            raise Problem("job_over", "The job was cancelled while its body came in.", state=job.state)
        kept = {name: value for name, value in job.params.items() if name != "receiving"}
        job.params, job.total, job.cursor = {**kept, **params}, self.items, {}
        job.save(update_fields=["params", "total", "cursor"])
        wake_up(job)
        return job

    def discard(self) -> None:
        Job.objects.of(self.job.account_id).filter(pk=self.job.pk, params__receiving=True).delete()


@every(1800, name="audiences.discard_uploads")
def discard_uploads(slice_: Slice) -> float | None:
    """Uploads whose server died: nobody was ever told of their jobs."""
    for account_id in Account.objects.order_by("pk").values_list("pk", flat=True):
        with scope.account(account_id):
            before = (timezone.now() - GIVEN_UP).isoformat()
            rows = Job.objects.of(account_id).filter(
                kind=Job.Kind.CONTACTS_IMPORT, state=Job.State.QUEUED, params__receiving=True
            )
            rows.filter(cursor__received_at__lt=before).delete()
    return None
