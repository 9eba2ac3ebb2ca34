"""Jobs: how they stand, what failed, cancelled ones."""

from __future__ import annotations

import gzip
from datetime import timedelta

from django.utils import timezone

from audiences import jobs
from audiences.jobs import ErrorRow
from audiences.models import Job, JobPart
from syncapp.accounts import scope
from tests.api.examples.recording import Recorder

ROWS = (
    ErrorRow(
        3, "invalid_contact", "An e-mail address has exactly one @.", "/email", False, '{"email": "x at y"}'
    ),
    ErrorRow(
        8, "erased", "This person was erased and cannot come back.", "", False, '{"external_id": "c-8"}'
    ),
)
LEFT = b'{"external_id": "c-10"}\n'


def record(recorder: Recorder) -> None:
    call = recorder.call
    with scope.account(recorder.account):
        job = jobs.queue(client=None, account_id=recorder.account.pk, kind=Job.Kind.CONTACTS_IMPORT, total=10)
        jobs.add_errors(job, ROWS)
    call("Running", "GET", f"/jobs/{job}")
    call("A page", "GET", "/jobs?kind=contacts_import")
    call("Errors", "GET", f"/jobs/{job}/errors")
    call("As CSV", "GET", f"/jobs/{job}/errors.csv")
    call("As NDJSON", "GET", f"/jobs/{job}/errors.ndjson")
    call("Cancelled", "POST", f"/jobs/{job}/cancel")
    call("No such job", "GET", "/jobs/job_404")
    over(recorder, job)


def over(recorder: Recorder, job: Job) -> None:
    """A job that was cancelled before its last rows, and is forgotten later."""
    call = recorder.call
    with scope.account(recorder.account):
        JobPart.objects.create(account=recorder.account, job=job, number=0, items=1, body=gzip.compress(LEFT))
    call("Not handled", "GET", f"/jobs/{job}/unprocessed.ndjson")
    call("Over", "POST", f"/jobs/{job}/cancel")
    with scope.account(recorder.account):
        Job.objects.filter(pk=job.pk).update(expires_at=timezone.now() - timedelta(days=1))
    call("Forgotten", "GET", f"/jobs/{job}/errors")
