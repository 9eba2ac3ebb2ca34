"""What goes over the wire, as types: requests are decoded into them and the documentation is made from them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from audiences.uses import Kind as UsageKind
from syncapp.api import limits

ExternalId = Annotated[
    str,
    Meta(
        min_length=1, max_length=limits.EXTERNAL_ID_CHARS, description="The caller's own id, taken verbatim."
    ),
]
Name = Annotated[str, Meta(min_length=1, max_length=limits.NAME_CHARS, examples=["VIP 2024"])]
Time = Annotated[datetime, Meta(tz=True, description="RFC 3339 with a zone.")]
IdentifierKind = Literal["external_id", "email", "email_sha256", "id"]
UnknownContacts = Literal["reject", "create", "hold"]
Label = Annotated[str, Meta(min_length=1, max_length=50)]


class SourceIn(Struct, forbid_unknown_fields=True):
    """Which system owns the audience."""

    system: Annotated[str, Meta(max_length=100, examples=["ERP"])] | UnsetType | None = UNSET


class AudienceFields(Struct, forbid_unknown_fields=True, kw_only=True):
    """An absent field keeps its value (its default on creation); null brings back the default."""

    description: Annotated[str, Meta(max_length=limits.DESCRIPTION_CHARS)] | UnsetType | None = UNSET
    identifier: IdentifierKind | UnsetType | None = UNSET
    unknown_contacts: UnknownContacts | UnsetType | None = UNSET
    tags: Annotated[list[Label], Meta(max_length=50)] | UnsetType | None = UNSET
    source: SourceIn | UnsetType | None = UNSET
    state: Literal["active", "archived"] | UnsetType | None = UNSET
    expires_at: Time | UnsetType | None = UNSET


class AudienceIn(AudienceFields, forbid_unknown_fields=True, kw_only=True):
    """The audience as it should be. `external_id` must equal the path's where it is given.

    An absent field keeps its value (its default on creation); null brings back the default.
    """

    name: Name
    external_id: ExternalId | UnsetType = UNSET


class AudienceNew(AudienceFields, forbid_unknown_fields=True, kw_only=True):
    """An audience to be made; what is absent or null gets its default."""

    name: Name
    external_id: ExternalId


class AudiencePatch(AudienceFields, forbid_unknown_fields=True, kw_only=True):
    """What is to change (RFC 7396): an absent field keeps its value, null brings back its default."""

    name: Name | UnsetType = UNSET
    external_id: ExternalId | UnsetType = UNSET


class EmptyIn(Struct, forbid_unknown_fields=True):
    """How many members the caller believes there are; it may be absent where If-Match names the version."""

    expected_member_count: Annotated[int, Meta(ge=0, le=2**31 - 1)] | UnsetType = UNSET


class EmptyOut(Struct):
    """`removed` members and `held_removed` people who waited to be known."""

    removed: int
    held_removed: int
    version: int


class SourceOut(Struct):
    client_id: str | None
    system: str


class LastSync(Struct):
    at: str
    kind: Literal["delta", "replace"]
    added: int
    removed: int
    failed: int
    job_id: str | None = None


class AudienceOut(Struct):
    """`version` is also the ETag; it counts changes of the audience and of its membership."""

    external_id: str
    id: Annotated[str, Meta(examples=["aud_17"])]
    name: str
    description: str
    kind: Literal["pushed", "rules"]
    identifier: IdentifierKind
    unknown_contacts: UnknownContacts
    tags: list[str]
    source: SourceOut
    state: Literal["active", "archived", "deleted"]
    member_count: int
    held_count: int
    reachable_count: Annotated[
        dict[str, int] | None,
        Meta(
            description="Per objective, how many members may be mailed for it. Large audiences: see its time. "
            "null: not counted, in lists only; read the audience."
        ),
    ]
    reachable_counted_at: Annotated[
        datetime | None,
        Meta(
            description="When it was counted: of a large audience, a minute after changes. null: for this answer."
        ),
    ]
    version: int
    last_sync: LastSync | None
    last_member_added_at: datetime | None
    last_member_removed_at: datetime | None
    created_at: datetime
    updated_at: datetime
    deleted_at: datetime | None
    expires_at: datetime | None


class AudiencesOut(Struct):
    items: list[AudienceOut]
    next_cursor: str | None


class UsageOut(Struct):
    """Something that uses the audience; `url` is the path of its page on this site."""

    kind: UsageKind
    id: str
    name: str
    state: str
    url: str
    blocks_delete: bool


class DeleteCheck(Struct):
    """What a DELETE would do; nothing was changed."""

    would_delete: bool
    usages: list[UsageOut]


Value = str | int | float | bool | list[str] | None


class ContactIn(Struct, forbid_unknown_fields=True):
    """A person. An absent property keeps what is stored, null clears it."""

    external_id: ExternalId | UnsetType = UNSET
    email: str | UnsetType | None = UNSET
    email_sha256: (
        Annotated[
            str,
            Meta(
                max_length=64,
                description="Hexadecimal SHA-256 of the normalised address: names a person, and is not stored.",
            ),
        ]
        | UnsetType
    ) = UNSET
    id: (
        Annotated[str, Meta(max_length=20, description="Our own id, as lists of members show it.")]
        | UnsetType
    ) = UNSET
    properties: dict[str, Value] | UnsetType = UNSET


class ConsentIn(Struct, forbid_unknown_fields=True):
    """One dated answer of the person. Membership never implies one."""

    objective: Annotated[str, Meta(min_length=1, max_length=60, examples=["newsletter"])]
    state: Literal["granted", "denied"]
    occurred_at: Time
    source: Annotated[str, Meta(max_length=100)] | UnsetType = UNSET
    method: Literal["double_opt_in", "single", "import", "api"] | UnsetType = UNSET
    proof: dict[str, Any] | UnsetType | None = UNSET


class OperationIn(Struct, forbid_unknown_fields=True):
    """Put one person in, or take one out. The person is named by `id` or by the contact's own identifier."""

    op: Literal["add", "remove"]
    id: ExternalId | UnsetType = UNSET
    contact: ContactIn | UnsetType = UNSET
    consents: Annotated[list[ConsentIn], Meta(max_length=20)] | UnsetType = UNSET
    occurred_at: Time | UnsetType | None = UNSET


Operations = Annotated[list[OperationIn], Meta(max_length=limits.OPERATIONS_PER_REQUEST)]
Ids = Annotated[list[ExternalId], Meta(max_length=limits.OPERATIONS_PER_REQUEST)]


class BatchIn(Struct, forbid_unknown_fields=True):
    """Either `operations`, or the short form: `add` and `remove`.

    Nothing here has a default but "absent", so that what is encoded again has the keys that were sent.
    """

    operations: Operations | UnsetType = UNSET
    add: Ids | UnsetType = UNSET
    remove: Ids | UnsetType = UNSET
    identifier: IdentifierKind | UnsetType | None = UNSET
    unknown_contacts: UnknownContacts | UnsetType | None = UNSET
    atomic: bool | UnsetType = UNSET
    validate_only: bool | UnsetType = UNSET
    verbose: bool | UnsetType = UNSET
    emitted_at: Time | UnsetType | None = UNSET


class Summary(Struct):
    """received = the sum of all others but created and updated, which say how many people's data were written."""

    received: int = 0
    added: int = 0
    already_member: int = 0
    removed: int = 0
    not_member: int = 0
    held: int = 0
    created: int = 0
    updated: int = 0
    superseded: int = 0
    stale: int = 0
    failed: int = 0
    not_applied: int = 0


class ItemProblem(Struct, omit_defaults=True):
    index: int
    op: Literal["add", "remove"] | None
    pointer: str
    code: str
    detail: str
    retryable: bool
    holder: Annotated[
        str | None,
        Meta(description="External id of the person who has the address or identifying value already."),
    ] = None


class Item(Struct, omit_defaults=True):
    index: int
    op: Literal["add", "remove"] | None
    outcome: str
    code: str = ""


class BatchOut(Struct, omit_defaults=True):
    """`warnings`: stale and superseded items; they did not fail. `items`: every item, where `verbose` asked."""

    request_id: str
    audience: str
    validate_only: bool
    summary: Summary
    version: int
    member_count: int
    held_count: int
    errors: list[ItemProblem]
    errors_truncated: bool
    warnings: list[ItemProblem]
    warnings_truncated: bool
    errors_url: Annotated[
        str | UnsetType,
        Meta(description="Where all errors are, for 7 days, when there are too many to list here."),
    ] = UNSET
    items: list[Item] | UnsetType = UNSET


class MemberContact(Struct):
    external_id: str | None
    email: str | None
    id: str


class MemberOut(Struct):
    contact: MemberContact | UnsetType = UNSET
    added_at: datetime | UnsetType = UNSET
    last_change_at: datetime | UnsetType = UNSET
    source: str | UnsetType = UNSET


class MembersOut(Struct):
    items: list[MemberOut]
    next_cursor: str | None
