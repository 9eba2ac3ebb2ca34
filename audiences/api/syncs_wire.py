"""What sync sessions look like over the wire."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from audiences.api.wire import ContactIn, ExternalId, IdentifierKind, Time, UnknownContacts
from syncapp.api import limits

Mode = Literal["replace", "delta"]
State = Literal[
    "open",
    "validating",
    "ready",
    "blocked_by_guard",
    "applying",
    "completed",
    "completed_with_errors",
    "failed",
    "expired",
    "cancelled",
]
Percent = Annotated[float, Meta(ge=0, le=100)]
Count = Annotated[int, Meta(ge=0, le=2**31 - 1)]


class GuardsIn(Struct, forbid_unknown_fields=True):
    """What stops the session before it does harm, when it is above the limit. null switches a guard off."""

    max_removed_percent: Annotated[
        Percent | UnsetType | None,
        Meta(description="Of the members there are; 30 for a replace, off for a delta."),
    ] = UNSET
    max_removed: Annotated[Count | UnsetType | None, Meta(description="Off where it is not given.")] = UNSET
    min_total: Annotated[
        Count | UnsetType | None, Meta(description="People the replace has to leave at least; 1.")
    ] = UNSET
    max_failed_percent: Annotated[
        Percent | UnsetType | None, Meta(description="Of the items sent; off where it is not given.")
    ] = UNSET


class SyncIn(Struct, forbid_unknown_fields=True):
    """There is no default for `mode`: nothing replaces by accident."""

    mode: Mode
    snapshot_at: Annotated[
        datetime,
        Meta(tz=True, description="When your system looked: what changed here after it stays as it is."),
    ]
    expected_total: Annotated[
        Count | UnsetType | None, Meta(description="Items of all chunks, if you know.")
    ] = UNSET
    identifier: IdentifierKind | UnsetType | None = UNSET
    unknown_contacts: UnknownContacts | UnsetType | None = UNSET
    guards: GuardsIn | UnsetType | None = UNSET
    external_run_id: Annotated[
        Annotated[str, Meta(min_length=1, max_length=255)] | UnsetType | None,
        Meta(description="Your own name of this run: opening it again gives the same session."),
    ] = UNSET


class Guards(Struct):
    max_removed_percent: float | None
    max_removed: int | None
    min_total: int
    max_failed_percent: float | None


class Guard(Struct):
    """Why it was stopped. `confirm_token`: commit with it to go on; null where a person has to approve."""

    tripped: list[str]
    would_add: int
    would_remove: int
    percent: float
    failed_percent: float
    total: int
    members: int
    confirmable: bool
    confirm_token: str | None = None


class Received(Struct):
    chunks: int
    items: int
    failed: int


class SyncLinks(Struct):
    self: str
    chunks: str
    commit: str
    cancel: str
    audience: str
    job: str | None


class SyncOut(Struct):
    id: Annotated[str, Meta(examples=["sync_17"])]
    audience: str
    mode: Mode
    state: State
    snapshot_at: datetime
    expected_total: int | None
    identifier: IdentifierKind
    unknown_contacts: UnknownContacts
    guards: Guards
    guard: Guard | None
    external_run_id: str | None
    chunk_limit: Annotated[int, Meta(description="Items a chunk may have.")]
    received: Received
    counters: Annotated[
        dict[str, int],
        Meta(
            description="Once it was checked, as the summary of a batch. Of a replace `removed` are members nobody "
            "named: they are no items, and not in the sum."
        ),
    ]
    job_id: str | None
    reason: str
    created_at: datetime
    expires_at: Annotated[
        datetime, Meta(description="While it is open or stopped: until when it can be committed.")
    ]
    committed_at: datetime | None
    finished_at: datetime | None
    links: SyncLinks


class SyncsOut(Struct):
    items: list[SyncOut]
    next_cursor: str | None


class OperationIn(Struct, forbid_unknown_fields=True):
    """One change of a delta session. The person is named by `id` or by the contact's own identifier."""

    op: Literal["add", "remove"]
    id: ExternalId | UnsetType = UNSET
    contact: ContactIn | UnsetType = UNSET
    occurred_at: Time | UnsetType | None = UNSET


class SyncChunkIn(Struct, forbid_unknown_fields=True):
    """`members` in a replace, `operations` in a delta."""

    members: Annotated[list[ExternalId | ContactIn], Meta(max_length=limits.CHUNK_ITEMS)] | UnsetType = UNSET
    operations: Annotated[list[OperationIn], Meta(max_length=limits.CHUNK_ITEMS)] | UnsetType = UNSET


class ChunkProblem(Struct):
    """An item that cannot be taken. `line` is that of a file, from 1; `index` its place in the chunk, from 0."""

    index: int
    line: int | None
    code: str
    detail: str
    pointer: str
    original: Annotated[Any, Meta(description="As it was sent.")]


class ChunkOut(Struct):
    """`sha256`: of the content, decompressed, with its media type."""

    number: int
    items: int
    failed: int
    sha256: str
    received_at: datetime


class ChunkKept(Struct):
    number: int
    items: int
    failed: int
    sha256: str
    received_at: datetime
    errors: list[ChunkProblem]
    errors_truncated: bool


class ChunksOut(Struct):
    """What has come so far; `missing` are the gaps below the highest number."""

    items: list[ChunkOut]
    missing: list[int]
    next_cursor: str | None


class CommitIn(Struct, forbid_unknown_fields=True):
    chunks: Annotated[Count, Meta(description="How many chunks you sent, numbered from 1.")]
    total: Annotated[Count, Meta(description="How many items they hold together.")]
    confirm_token: Annotated[str, Meta(max_length=100)] | UnsetType | None = UNSET
