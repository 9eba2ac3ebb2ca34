"""Operations on jobs."""

from __future__ import annotations

from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse

from audiences.api.documentation.common import IDEMPOTENCY_KEY
from audiences.api.jobs_wire import JobErrorsOut, JobOut, JobsOut
from audiences.models import Job
from syncapp.api import limits
from syncapp.api.schema import answer, operation, query_parameter

TAG = "Jobs"

JOB = {
    "id": "job_17",
    "kind": "audience_replace",
    "state": "completed_with_errors",
    "approval": None,
    "audience": "vip-2024",
    "created_at": "2026-07-01T12:00:00Z",
    "started_at": "2026-07-01T12:00:01Z",
    "finished_at": "2026-07-01T12:00:09Z",
    "expires_at": "2026-07-08T12:00:09Z",
    "cancel_asked_at": None,
    "progress": {"total": 118234, "processed": 118234, "succeeded": 118224, "failed": 10, "skipped": 0},
    "error_summary": [
        {"code": "contact_not_found", "count": 10, "retryable": False, "sample": ["c-404", "c-405"]}
    ],
    "result": {"added": 120, "removed": 31},
    "reason": "",
    "links": {
        "self": "/api/v1/jobs/job_17",
        "errors": "/api/v1/jobs/job_17/errors",
        "errors_csv": "/api/v1/jobs/job_17/errors.csv",
        "errors_ndjson": "/api/v1/jobs/job_17/errors.ndjson",
        "unprocessed": None,
        "result": "/api/v1/audiences/vip-2024",
    },
}
JOB_EXAMPLE = OpenApiExample("Job", JOB, response_only=True, status_codes=["200", "202"])
ID = OpenApiParameter(
    "job_id", {"type": "string", "examples": ["job_17"]}, OpenApiParameter.PATH, required=True
)
CURSOR = query_parameter("cursor", {"type": "string"}, "`next_cursor` of the page before.")
LIMIT = query_parameter(
    "limit",
    {"type": "integer", "minimum": 1, "maximum": limits.PAGE_ITEMS, "default": limits.PAGE_ITEMS_DEFAULT},
    "Items per page.",
)
FOLLOW = "While it goes on the answer has `Retry-After`: 1 s at first, 30 s at most."

LIST_JOBS = operation(
    "jobs_list",
    tag=TAG,
    summary="List jobs",
    description="The newest first; of the whole account, whichever key asked for them.",
    answers={200: answer(JobsOut, "One page.")},
    parameters=[
        CURSOR,
        LIMIT,
        query_parameter("kind", {"type": "string", "enum": list(Job.Kind.values)}, "Only this kind."),
        query_parameter("state", {"type": "string", "enum": list(Job.State.values)}, "Only in this state."),
    ],
)

GET_JOB = operation(
    "job_get",
    tag=TAG,
    summary="Read a job",
    description=(
        f"{FOLLOW} In the end succeeded + failed + skipped = processed; processed is less than total only where the "
        "job failed or was cancelled, and `links.unprocessed` then has the rest as it was sent. With "
        '`"approval": "waiting"` it begins when a person approves it, and is cancelled after 7 days without.'
    ),
    answers={200: answer(JobOut, "The job.")},
    errors=("job_not_found",),
    examples=[JOB_EXAMPLE],
    parameters=[ID],
)

CANCEL_JOB = operation(
    "job_cancel",
    tag=TAG,
    summary="Cancel a job",
    description=(
        "At once where it has not begun (200), else at the end of its present step (202): the job then says what was "
        "done. The key needs the scope that starts such a job."
    ),
    answers={200: answer(JobOut, "It has ended."), 202: answer(JobOut, "It ends with its present step.")},
    errors=(
        "job_not_found",
        "job_over",
        "invalid_header",
        "idempotency_in_progress",
        "idempotency_key_reused",
    ),
    examples=[JOB_EXAMPLE],
    parameters=[ID, IDEMPOTENCY_KEY],
)

LIST_JOB_ERRORS = operation(
    "job_errors_list",
    tag=TAG,
    summary="List rows that failed",
    description="In the order they were sent, each with its original. Kept for 7 days after the job ended.",
    answers={200: answer(JobErrorsOut, "One page.")},
    errors=("job_not_found", "result_expired"),
    parameters=[ID, CURSOR, LIMIT],
)


def file_of(media_type: str, description: str) -> dict[tuple[int, str], OpenApiResponse]:
    return {(200, media_type): OpenApiResponse({"type": "string"}, description)}


GET_ERRORS_CSV = operation(
    "job_errors_csv",
    tag=TAG,
    summary="Download rows that failed, as CSV",
    description=(
        "All of them, with a header: `line` of a file, from 1, or `index`, from 0. A cell that a spreadsheet would "
        "take for a formula begins with an apostrophe."
    ),
    answers=file_of("text/csv", "The file."),  # type: ignore[arg-type]  # drf-spectacular takes (status, type)
    errors=("job_not_found", "result_expired"),
    parameters=[ID],
)

GET_ERRORS_NDJSON = operation(
    "job_errors_ndjson",
    tag=TAG,
    summary="Download rows that failed, as lines of JSON",
    description="All of them, one object per line.",
    answers=file_of("application/x-ndjson", "The file."),  # type: ignore[arg-type]
    errors=("job_not_found", "result_expired"),
    parameters=[ID],
)

GET_UNPROCESSED = operation(
    "job_unprocessed",
    tag=TAG,
    summary="Download what was not done",
    description="What a failed or cancelled job did not get to, one item per line as it was sent; else empty.",
    answers=file_of("application/x-ndjson", "The file."),  # type: ignore[arg-type]
    errors=("job_not_found", "result_expired"),
    parameters=[ID],
)
