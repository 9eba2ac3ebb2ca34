"""What goes over the wire about members one by one, of several audiences, of one person, and of the past."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from audiences.api.wire import (
    ExternalId,
    IdentifierKind,
    Item,
    ItemProblem,
    MemberContact,
    OperationIn,
    Summary,
    Time,
    UnknownContacts,
)
from syncapp.api import limits


class MemberIn(Struct, forbid_unknown_fields=True):
    """All of it may be left out, and the body with it."""

    occurred_at: Time | UnsetType | None = UNSET
    unknown_contacts: UnknownContacts | UnsetType | None = UNSET


class PutContact(Struct):
    external_id: str | None
    email: str | None
    id: str | None


class MemberPutOut(Struct, omit_defaults=True):
    """`applied` is false where a newer operation on this person was there before (`stale`).

    A held person has no id yet, and `held_until` says how long the membership waits for them. `added_at` is null for
    whoever is not a member.
    """

    outcome: Literal["added", "already_member", "held", "stale"]
    applied: bool
    contact: PutContact
    added_at: datetime | None
    last_change_at: datetime | None
    source: str
    held_until: datetime | UnsetType = UNSET


class ChangeIn(OperationIn, forbid_unknown_fields=True, kw_only=True):
    """Put one person into an audience, or take one out. `audience` is your own id of it."""

    audience: ExternalId


Changes = Annotated[list[ChangeIn], Meta(max_length=limits.OPERATIONS_PER_REQUEST)]


class ChangesIn(Struct, forbid_unknown_fields=True):
    """Operations on several audiences. `identifier` and `unknown_contacts`: each audience's own where absent."""

    operations: Changes
    identifier: IdentifierKind | UnsetType | None = UNSET
    unknown_contacts: UnknownContacts | UnsetType | None = UNSET
    atomic: bool | UnsetType = UNSET
    validate_only: bool | UnsetType = UNSET
    verbose: bool | UnsetType = UNSET
    emitted_at: Time | UnsetType | None = UNSET


class ChangedAudience(Struct):
    """What became of one audience's operations."""

    audience: str
    summary: Summary
    version: int
    member_count: int
    held_count: int


class ChangesOut(Struct, omit_defaults=True):
    """`summary` is about all operations, also those that name no audience there is."""

    request_id: str
    validate_only: bool
    summary: Summary
    audiences: list[ChangedAudience]
    errors: list[ItemProblem]
    errors_truncated: bool
    warnings: list[ItemProblem]
    warnings_truncated: bool
    errors_url: Annotated[
        str | UnsetType,
        Meta(description="Where all errors are, for 7 days, when there are too many to list here."),
    ] = UNSET
    items: list[Item] | UnsetType = UNSET


class HeldOut(Struct):
    """Somebody who is a member as soon as they are known. `value` is the identifier as it was sent, normalised."""

    identifier: IdentifierKind
    value: str
    last_change_at: datetime
    source: str
    held_until: datetime


class HeldsOut(Struct):
    items: list[HeldOut]
    next_cursor: str | None


class MembershipEvent(Struct):
    """`at`: when it was applied. `source`: through which key or connection."""

    at: datetime
    change: Literal["added", "removed"]
    source: str


class MemberHistoryOut(Struct):
    """The latest first."""

    contact: MemberContact
    items: list[MembershipEvent]
    next_cursor: str | None


class AudienceReference(Struct):
    external_id: str
    id: Annotated[str, Meta(examples=["aud_17"])]
    name: str


class MembershipOut(Struct):
    audience: AudienceReference
    added_at: datetime
    last_change_at: datetime
    source: str


class MembershipsOut(Struct):
    items: list[MembershipOut]
    next_cursor: str | None
