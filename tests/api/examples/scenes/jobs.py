"""Jobs: an import from its beginning to its errors, a cancelled one and what it left, one that is forgotten."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from audiences.models import Job
from syncapp.accounts import scope
from tests.api.examples.recording import Recorder

LINES = (
    '{"external_id": "c-1", "email": "jan@example.nl"}\n'
    '{"external_id": "c-2", "email": "fleur at example.nl"}\n'
    '{"external_id": "c-3", "email": "noor@example.nl", "shoe_size": 41}\n'
)
INLINE = {"contacts": [{"external_id": "c-4", "email": "daan@example.nl"}]}
NDJSON = {"CONTENT_TYPE": "application/x-ndjson"}


def record(recorder: Recorder) -> None:
    call = recorder.call
    call("Inline", "POST", "/contacts/imports", INLINE)
    job = call("Lines", "POST", "/contacts/imports?mode=upsert", LINES, **NDJSON).json()["id"]
    call("Queued", "GET", f"/jobs/{job}")
    recorder.work()
    call("Completed with errors", "GET", f"/jobs/{job}")
    call("A page", "GET", "/jobs?kind=contacts_import")
    call("Errors", "GET", f"/jobs/{job}/errors")
    call("As CSV", "GET", f"/jobs/{job}/errors.csv")
    call("As NDJSON", "GET", f"/jobs/{job}/errors.ndjson")
    call("No such job", "GET", "/jobs/job_404")
    stop(recorder)
    forget(recorder, job)


def stop(recorder: Recorder) -> None:
    job = recorder.send("POST", "/contacts/imports", LINES, **NDJSON).json()["id"]
    recorder.call("Cancelled", "POST", f"/jobs/{job}/cancel")
    recorder.call("Not handled", "GET", f"/jobs/{job}/unprocessed.ndjson")
    recorder.call("Over", "POST", f"/jobs/{job}/cancel")


def forget(recorder: Recorder, job: str) -> None:
    with scope.account(recorder.account):
        rows = Job.objects.filter(pk=int(job.removeprefix("job_")))
        rows.update(expires_at=timezone.now() - timedelta(days=1))
    recorder.call("Forgotten", "GET", f"/jobs/{job}/errors")
