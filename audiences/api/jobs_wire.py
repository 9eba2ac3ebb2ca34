"""What jobs look like over the wire."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from msgspec import Meta, Raw, Struct

Kind = Literal[
    "audience_replace",
    "audience_delta",
    "audience_delete",
    "audience_empty",
    "contacts_import",
    "contact_delete",
    "contact_erase",
]
State = Literal["queued", "running", "completed", "completed_with_errors", "failed", "cancelled"]


class Progress(Struct):
    """succeeded + failed + skipped = processed. `total` is null until it is known."""

    total: int | None
    processed: int
    succeeded: int
    failed: int
    skipped: int


class ErrorSummary(Struct):
    """All rows that failed with one code; `sample` names up to five of them."""

    code: str
    count: int
    retryable: bool
    sample: list[str]


class Links(Struct):
    """`unprocessed` is there where a failed or cancelled job left something undone."""

    self: str
    errors: str
    errors_csv: str
    errors_ndjson: str
    unprocessed: str | None
    result: Annotated[str | None, Meta(description="What it was about: an audience or a session.")]


class JobOut(Struct):
    id: Annotated[str, Meta(examples=["job_17"])]
    kind: Kind
    state: State
    approval: Annotated[
        Literal["waiting", "approved", "refused"] | None,
        Meta(description="null: nobody needs to approve it."),
    ]
    audience: Annotated[str | None, Meta(description="External id of the audience it is about.")]
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    expires_at: Annotated[datetime | None, Meta(description="Until when errors and results are kept.")]
    cancel_asked_at: datetime | None
    progress: Progress
    error_summary: list[ErrorSummary]
    result: dict[str, Any]
    reason: Annotated[str, Meta(description="Why it failed or was cancelled, in words.")]
    links: Links


class JobsOut(Struct):
    items: list[JobOut]
    next_cursor: str | None


class JobErrorOut(Struct):
    """One row that failed. `line` is that of a file, from 1; else `index` is its place in the job, from 0."""

    index: int | None
    line: int | None
    code: str
    detail: str
    pointer: str
    retryable: bool
    original: Annotated[Any, Meta(description="The row as it was sent.")]


class JobErrorsOut(Struct):
    items: list[JobErrorOut]
    next_cursor: str | None


class JobErrorsPage(Struct):
    """JobErrorsOut, its rows encoded already."""

    items: list[Raw]
    next_cursor: str | None
