"""Contacts and consents over the wire."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from audiences.api.wire import ConsentIn, ExternalId, Time, Value
from syncapp.api import limits

SHORTHANDS = ("first_name", "last_name", "phone", "language", "city", "country")
Text = Annotated[str, Meta(max_length=10_000)] | UnsetType | None
Merge = Literal["by_email"]
Mode = Literal["upsert", "create", "update"]


class ContactFields(Struct, forbid_unknown_fields=True, kw_only=True):
    """What is said of a person: an absent field keeps what is stored, null clears it.

    The names next to `email` are short for properties of the account with these keys.
    """

    email: str | UnsetType | None = UNSET
    first_name: Text = UNSET
    last_name: Text = UNSET
    phone: Text = UNSET
    language: Text = UNSET
    city: Text = UNSET
    country: Text = UNSET
    properties: dict[str, Value] | UnsetType = UNSET


class ContactPut(ContactFields, forbid_unknown_fields=True, kw_only=True):
    """`external_id` must equal the path's where it is given.

    `merge`: `by_email` gives the external id to the person who has the address, and no external id, already.
    """

    external_id: ExternalId | UnsetType = UNSET
    merge: Merge | UnsetType | None = UNSET


class ContactItem(ContactFields, forbid_unknown_fields=True, kw_only=True):
    """One person of a batch or import, known by `external_id`, else by `email`."""

    external_id: ExternalId | UnsetType = UNSET
    consents: Annotated[list[ConsentIn], Meta(max_length=20)] | UnsetType = UNSET


class ContactBatchIn(Struct, forbid_unknown_fields=True, kw_only=True):
    contacts: Annotated[list[ContactItem], Meta(max_length=limits.CONTACTS_PER_REQUEST)]
    mode: Annotated[Mode, Meta(description="create: who is known fails. update: who is unknown fails.")] = (
        "upsert"
    )
    merge: Merge | UnsetType | None = UNSET
    atomic: bool = False
    validate_only: bool = False
    verbose: bool = False


class ContactsImportIn(Struct, forbid_unknown_fields=True, kw_only=True):
    """As JSON. Of a file (lines of JSON, or CSV) everything but the contacts stands in the query."""

    contacts: Annotated[list[ContactItem], Meta(max_length=limits.CONTACTS_PER_IMPORT_INLINE)]
    mode: Mode = "upsert"
    merge: Merge | UnsetType | None = UNSET
    audience: Annotated[
        ExternalId | UnsetType | None, Meta(description="Also add them to this audience.")
    ] = UNSET


class ContactSummary(Struct):
    """received = the sum of all others."""

    received: int = 0
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    superseded: int = 0
    failed: int = 0
    not_applied: int = 0


class ContactProblem(Struct, omit_defaults=True):
    index: int
    pointer: str
    code: str
    detail: str
    retryable: bool
    holder: Annotated[
        str | None,
        Meta(description="External id of the person who has the address or identifying value already."),
    ] = None


class ContactOutcome(Struct, omit_defaults=True):
    index: int
    outcome: Literal["created", "updated", "unchanged", "superseded", "failed", "not_applied"]
    code: str = ""


class ContactBatchOut(Struct, omit_defaults=True):
    """`warnings`: superseded items; they did not fail. `items`: every item, where `verbose` asked."""

    request_id: str
    validate_only: bool
    summary: ContactSummary
    errors: list[ContactProblem]
    errors_truncated: bool
    warnings: list[ContactProblem]
    warnings_truncated: bool
    items: list[ContactOutcome] | UnsetType = UNSET


class Consented(Struct):
    state: Literal["granted", "denied"]
    at: datetime


class ContactOut(Struct):
    """`consents`: {objective: how the person stands}; an objective they never answered is absent."""

    external_id: str | None
    id: str
    email: str | None
    properties: dict[str, Any]
    consents: dict[str, Consented]
    created_at: datetime
    updated_at: datetime


class ContactsOut(Struct):
    items: list[ContactOut]
    next_cursor: str | None


class Proof(Struct, forbid_unknown_fields=True, kw_only=True):
    """Where and to what the person answered."""

    ip: Annotated[str, Meta(max_length=45)] | UnsetType | None = UNSET
    url: Annotated[str, Meta(max_length=2000)] | UnsetType | None = UNSET
    text_version: Annotated[str, Meta(max_length=200)] | UnsetType | None = UNSET


class ConsentPut(Struct, forbid_unknown_fields=True, kw_only=True):
    """One dated answer of the person to one purpose."""

    state: Literal["granted", "denied"]
    occurred_at: Time
    source: Annotated[str, Meta(min_length=1, max_length=100, examples=["Sign-up form"])]
    channel: Literal["email"] = "email"
    method: Literal["double_opt_in", "single", "import", "api"] | UnsetType = UNSET
    proof: Proof | UnsetType | None = UNSET


class ConsentAnswer(Struct):
    """`applied` is false where the answer is older than what is known: `reason` is `stale`, and the ledger keeps it.

    `reason` is `unchanged` where it was known already. `state` and `at` are how the person stands now.
    """

    purpose: str
    applied: bool
    reason: Literal["stale", "unchanged"] | None
    state: Literal["granted", "denied"]
    at: datetime


class LedgerEntry(Struct):
    """An answer as it was told. `source` and `channel` are null where nobody said them; `told_by` is who told us."""

    purpose: str
    state: Literal["granted", "denied"]
    occurred_at: datetime
    recorded_at: datetime
    source: str | None
    channel: str | None
    method: str
    proof: dict[str, Any]
    told_by: Annotated[str, Meta(description="The key or connection.", examples=["api:ERP"])]


class ConsentsOut(Struct):
    """`consents`: how the person stands; `items`: every answer there was, the latest first."""

    consents: dict[str, Consented]
    items: list[LedgerEntry]
    next_cursor: str | None
