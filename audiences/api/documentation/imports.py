"""Importing people."""

from __future__ import annotations

from drf_spectacular.utils import OpenApiExample

from audiences.api.contact_wire import ContactsImportIn
from audiences.api.documentation.common import IDEMPOTENCY_KEY
from audiences.api.documentation.contacts import TAG
from audiences.api.documentation.jobs import JOB
from audiences.api.jobs_wire import JobOut
from syncapp.api import limits
from syncapp.api.schema import IDEMPOTENT, JSON, answer, operation, query_parameter

GIB = limits.IMPORT_BYTES // (1024 * limits.MIB)

IMPORT_CONTACTS = operation(
    "contacts_import",
    tag=TAG,
    summary="Import people",
    description=f"""Create and change any number of people. The answer is a job; it goes on piece by piece.

- As JSON (below) up to {limits.CONTACTS_PER_IMPORT_INLINE} contacts. As a file up to {GIB} GiB, gzip allowed:
  lines of JSON (`application/x-ndjson`, a contact as in a batch per line) or CSV (`text/csv`, UTF-8, comma, semicolon
  or tab). `mode`, `merge` and `audience` stand in the body of JSON, of a file in the query.
- A file looks like `{{"external_id": "c-1", "city": "Gent"}}` line by line, or like `external_id,email,city`, then
  `c-1,jan@example.nl,Gent`.
- The columns of CSV are `external_id` and `email` (one of them at least) and keys of properties. An empty cell says
  nothing; a list is separated by semicolons. CSV says nothing about consents: send those as JSON.
- With `audience` they also become members of it (scope `members:write`).
- What fails is listed at the job with its line (of JSON: its position) and what was sent, by the codes of a batch.
  A contact that another one of the same piece is also about counts as succeeded: the data of both were written.
- Cancelling the job stops it between two pieces; what it did stays, and what it did not can be downloaded.
- A file with a wrong header, a line of more than a MiB, or one that breaks off is refused as a whole.
- Consents need the scope `consents:write`; without it the lines that have some fail.""",
    body=ContactsImportIn,
    media_types=(JSON, "application/x-ndjson", "text/csv"),
    answers={202: answer(JobOut, "The job that imports them.")},
    errors=(
        *IDEMPOTENT,
        "audience_not_found",
        "audience_not_pushed",
        "job_over",
        "too_many_items",
        "empty_request",
    ),
    examples=[
        OpenApiExample(
            "Inline",
            {"contacts": [{"external_id": "c-1", "email": "jan@example.nl", "first_name": "Jan"}]},
            request_only=True,
            media_type=JSON,
        ),
        OpenApiExample(
            "Importing",
            {**JOB, "kind": "contacts_import", "state": "queued", "audience": None, "result": {}},
            response_only=True,
            status_codes=["202"],
        ),
    ],
    parameters=[
        query_parameter(
            "mode",
            {"type": "string", "enum": ["upsert", "create", "update"], "default": "upsert"},
            "Of a file: who may be meant, as in a batch.",
        ),
        query_parameter("merge", {"type": "string", "enum": ["by_email"]}, "Of a file: as in a batch."),
        query_parameter(
            "audience",
            {"type": "string", "minLength": 1, "maxLength": limits.EXTERNAL_ID_CHARS},
            "Of a file: also add them to this audience.",
        ),
        IDEMPOTENCY_KEY,
    ],
)
