"""What goes into an ingest call and what comes out: values only.

What comes by the ten thousand is a msgspec Struct: a twelfth of the time a frozen dataclass takes to make.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import Enum
from typing import Any, Final, Literal

from msgspec import Struct

Value = str | int | float | bool | date | datetime | list[str] | None
Op = Literal["add", "remove", "upsert"]
Kind = Literal["external_id", "email", "email_sha256", "id"]
Unknown = Literal["reject", "create", "hold"]
ConsentState = Literal["granted", "denied"]
Outcome = Literal[
    "added",
    "already_member",
    "removed",
    "not_member",
    "held",
    "created",
    "updated",
    "unchanged",
    "superseded",
    "stale",
    "failed",
    "not_applied",
]


class Keep(Enum):
    """Absent is not None: absent keeps what is stored, None clears it."""

    KEEP = "keep"


KEEP: Final = Keep.KEEP


class Contact(Struct, frozen=True):
    """What another system says of a person. `properties`: an absent key keeps, None clears.

    `email` is normalised by the ingest; KEEP leaves the stored one. `external_id` is taken verbatim and never
    cleared.
    """

    email: str | Keep | None = KEEP
    external_id: str | Keep = KEEP
    properties: Mapping[str, Value] = {}


class ConsentGiven(Struct, frozen=True):
    """One dated answer of a person.

    `method`: double_opt_in, single, import or api; `evidence` is any JSON object.
    """

    objective: str
    state: ConsentState
    occurred_at: datetime
    method: str = ""
    evidence: Mapping[str, Any] = {}


class Operation(Struct, frozen=True):
    """One item of a call. `index` is unique in the call and comes back in outcomes.

    `add` and `remove` are about the call's audience and its data; `upsert` is about the person only.
    An `email_sha256` is the SHA-256 of the normalised address in hexadecimal digits: it finds people, and can be
    held, but nobody can be made from it alone.
    (`kind`, `value`) names the person; of `contact` everything else is written, except by a `remove`, which
    writes no contact data. `occurred_at` None means the moment of the call.
    """

    index: int
    op: Op
    kind: Kind
    value: str
    contact: Contact | None = None
    consents: tuple[ConsentGiven, ...] = ()
    occurred_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ItemOutcome:
    """What became of one operation.

    `code` and `detail` are empty unless it failed, was stale or superseded. `pointer` is relative to the
    item: "/contact/email", "/consents/0/objective", "" for the item as a whole. `holder` is the external id
    of the person who has the e-mail address or identifying value already, where there is one.
    """

    index: int
    outcome: Outcome
    code: str = ""
    detail: str = ""
    pointer: str = ""
    retryable: bool = False
    profile_id: int | None = None
    holder: str | None = None


COUNTS: Final[tuple[str, ...]] = (
    "received",
    "added",
    "already_member",
    "removed",
    "not_member",
    "held",
    "created",
    "updated",
    "unchanged",
    "superseded",
    "stale",
    "failed",
    "not_applied",
)


@dataclass(frozen=True, slots=True)
class Result:
    """The answer of one call.

    `counts` has every key of COUNTS. With an audience, received = added + already_member + removed +
    not_member + held + superseded + stale + failed + not_applied; created (a subset of added) and updated say
    how many people's data were written. Without one, received = created + updated + unchanged + superseded +
    failed + not_applied.

    `errors` are the failed items, `warnings` the stale and superseded ones, `items` every item when `verbose`
    was asked; all in order of position. `profile_ids`: people whose data, membership or consents really
    changed. `version`, `member_count` and `held_count` are the audience's after the call, 0 without one.
    `applied` is False when nothing was written: validate_only, or atomic with a failed item.
    """

    counts: dict[str, int]
    errors: tuple[ItemOutcome, ...] = ()
    warnings: tuple[ItemOutcome, ...] = ()
    items: tuple[ItemOutcome, ...] = ()
    profile_ids: tuple[int, ...] = ()
    version: int = 0
    member_count: int = 0
    held_count: int = 0
    applied: bool = True
