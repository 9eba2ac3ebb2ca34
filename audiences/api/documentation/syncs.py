"""Operations on sync sessions."""

from __future__ import annotations

from drf_spectacular.utils import OpenApiExample, OpenApiParameter

from audiences.api.documentation.common import EXTERNAL_ID, IDEMPOTENCY_KEY
from audiences.api.documentation.jobs import CURSOR, JOB_EXAMPLE, LIMIT
from audiences.api.jobs_wire import JobOut
from audiences.api.syncs_wire import ChunkKept, ChunksOut, CommitIn, SyncChunkIn, SyncIn, SyncOut, SyncsOut
from syncapp.api.schema import IDEMPOTENT, JSON, answer, header, operation, path_id

TAG = "Sync sessions"

SYNC = {
    "id": "sync_9",
    "audience": "vip-2024",
    "mode": "replace",
    "state": "open",
    "snapshot_at": "2026-07-01T12:00:00Z",
    "expected_total": 118234,
    "identifier": "external_id",
    "unknown_contacts": "reject",
    "guards": {"max_removed_percent": 30, "max_removed": None, "min_total": 1, "max_failed_percent": None},
    "guard": None,
    "external_run_id": "night-2026-07-01",
    "chunk_limit": 50000,
    "received": {"chunks": 0, "items": 0, "failed": 0},
    "counters": {},
    "job_id": None,
    "reason": "",
    "created_at": "2026-07-01T12:00:05Z",
    "expires_at": "2026-07-02T12:00:05Z",
    "committed_at": None,
    "finished_at": None,
    "links": {
        "self": "/api/v1/syncs/sync_9",
        "chunks": "/api/v1/syncs/sync_9/chunks",
        "commit": "/api/v1/syncs/sync_9/commit",
        "cancel": "/api/v1/syncs/sync_9/cancel",
        "audience": "/api/v1/audiences/vip-2024",
        "job": None,
    },
}
SYNC_EXAMPLE = OpenApiExample("Session", SYNC, response_only=True, status_codes=["200", "201"])
ID = OpenApiParameter(
    "sync_id", {"type": "string", "examples": ["sync_9"]}, OpenApiParameter.PATH, required=True
)
NUMBER = OpenApiParameter(
    "number",
    {"type": "integer", "minimum": 1, "maximum": 100_000},
    OpenApiParameter.PATH,
    required=True,
    description="Yours to choose, from 1 without gaps; in any order, also side by side.",
)
DIGEST = header(
    "Content-Digest",
    "SHA-256 of the body as it is sent (RFC 9530): a body that was damaged on its way is refused.",
    "sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:",
)

LIST_SYNCS = operation(
    "syncs_list",
    tag=TAG,
    summary="List the sync sessions of an audience",
    description="The newest first; kept for 90 days. Needs jobs:read, or a scope that opens sessions.",
    answers={200: answer(SyncsOut, "One page.")},
    errors=("audience_not_found", "invalid_external_id"),
    parameters=[path_id(), EXTERNAL_ID, CURSOR, LIMIT],
)

OPEN_SYNC = operation(
    "sync_open",
    tag=TAG,
    summary="Open a sync session",
    description=(
        "`replace`: the audience is to have exactly the members sent, and all others leave; needs members:replace. "
        "`delta`: many additions and removals, visible at once; needs members:write. Members that changed here after "
        "`snapshot_at` keep their newer state. One replace per audience at a time; a session is open for 24 hours. "
        "With `external_run_id` the same call of the same key gets the session it opened (200)."
    ),
    body=SyncIn,
    answers={200: answer(SyncOut, "The session of this run."), 201: answer(SyncOut, "Opened.")},
    errors=(
        *IDEMPOTENT,
        "audience_not_found",
        "invalid_external_id",
        "audience_not_pushed",
        "sync_in_progress",
        "timestamp_in_future",
    ),
    examples=[
        SYNC_EXAMPLE,
        OpenApiExample(
            "Replace",
            {"mode": "replace", "snapshot_at": "2026-07-01T12:00:00Z", "guards": {"max_removed_percent": 10}},
            request_only=True,
        ),
    ],
    parameters=[path_id(), EXTERNAL_ID, IDEMPOTENCY_KEY],
)

GET_SYNC = operation(
    "sync_get",
    tag=TAG,
    summary="Read a sync session",
    description=(
        "State and counters. Stopped by a guard, `guard` says by which and what it would have done; "
        "`guard.confirm_token` lets the next commit pass, once and only for this content."
    ),
    answers={200: answer(SyncOut, "The session.")},
    errors=("sync_not_found",),
    examples=[SYNC_EXAMPLE],
    parameters=[ID],
)

PUT_CHUNK = operation(
    "sync_chunk_put",
    tag=TAG,
    summary="Send a chunk",
    description=(
        "JSON as below, lines of JSON (`application/x-ndjson`: an item per line), or CSV (`text/csv`: a header with "
        "the identifier and properties, in a delta also `op` and `occurred_at`; an empty cell says nothing, a list "
        "is separated by semicolons). gzip is allowed. The same number with the same content is 200 however often "
        "it comes, with other content 409. Items that cannot be taken are listed and stop nobody else; a person "
        "whom only such items name keeps their membership as it is. Contact data need contacts:write. Chunks count "
        "in the quota of member operations."
    ),
    body=SyncChunkIn,
    media_types=(JSON, "application/x-ndjson", "text/csv"),
    answers={
        200: answer(ChunkKept, "It had come already."),
        201: answer(ChunkKept, "Kept until the commit."),
    },
    errors=(
        *IDEMPOTENT,
        "sync_not_found",
        "session_closed",
        "chunk_conflict",
        "session_expired",
        "too_many_items",
        "digest_mismatch",
    ),
    examples=[
        OpenApiExample("Members", {"members": ["c-1", "c-2"]}, request_only=True),
        OpenApiExample(
            "Lines", '"c-1"\n{"external_id": "c-2"}\n', request_only=True, media_type="application/x-ndjson"
        ),
        OpenApiExample("Rows", "external_id\nc-1\nc-2\n", request_only=True, media_type="text/csv"),
    ],
    parameters=[ID, NUMBER, DIGEST, IDEMPOTENCY_KEY],
)

LIST_CHUNKS = operation(
    "sync_chunks_list",
    tag=TAG,
    summary="List the chunks that came",
    description="To go on after an interruption: `missing` are the gaps below the highest number.",
    answers={200: answer(ChunksOut, "One page, by number.")},
    errors=("sync_not_found",),
    parameters=[ID, CURSOR, LIMIT],
)

COMMIT_SYNC = operation(
    "sync_commit",
    tag=TAG,
    summary="Commit a sync session",
    description=(
        "A job checks the guards and swaps in one transaction: readers see the old members or the new ones. Where a "
        "guard trips, the job fails, the session becomes `blocked_by_guard` and nothing has changed: look, then commit "
        "again with `guard.confirm_token`, or let a person approve it. A replace by nobody needs `min_total` 0 and "
        "the token. Where the account wants a person's approval, every replace waits for it, without a token."
    ),
    body=CommitIn,
    answers={202: answer(JobOut, "The job.")},
    errors=(
        *IDEMPOTENT,
        "sync_not_found",
        "session_closed",
        "missing_chunks",
        "guard_tripped",
        "session_expired",
        "total_mismatch",
        "empty_request",
    ),
    examples=[JOB_EXAMPLE, OpenApiExample("Commit", {"chunks": 3, "total": 118234}, request_only=True)],
    parameters=[ID, IDEMPOTENCY_KEY],
)

CANCEL_SYNC = operation(
    "sync_cancel",
    tag=TAG,
    summary="Cancel a sync session",
    description="As long as nothing is applied; a repeat is fine.",
    answers={200: answer(SyncOut, "Cancelled.")},
    errors=(*IDEMPOTENT, "sync_not_found", "session_closed", "session_expired"),
    examples=[SYNC_EXAMPLE],
    parameters=[ID, IDEMPOTENCY_KEY],
)
