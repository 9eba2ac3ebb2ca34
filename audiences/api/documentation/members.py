"""Operations on members of audiences."""

from __future__ import annotations

from drf_spectacular.utils import OpenApiExample

from audiences.api.documentation.common import EXTERNAL_ID, IDEMPOTENCY_KEY
from audiences.api.members_wire import (
    ChangesIn,
    ChangesOut,
    HeldsOut,
    MemberHistoryOut,
    MemberIn,
    MemberPutOut,
    MembershipsOut,
)
from audiences.api.wire import BatchIn, BatchOut, MemberOut, MembersOut
from syncapp.api import limits
from syncapp.api.schema import IDEMPOTENT, answer, operation, path_id, query_parameter

TAG = "Members"

CONTACT = path_id("contact_external_id", "Your own id of the contact")
CONTACT_PARAMETER = query_parameter(
    "contact_external_id", {"type": "string"}, "The contact’s id, where the path says `-`."
)
CURSOR = query_parameter("cursor", {"type": "string"}, "`next_cursor` of the page before.")
LIMIT = query_parameter(
    "limit",
    {"type": "integer", "minimum": 1, "maximum": limits.PAGE_ITEMS, "default": limits.PAGE_ITEMS_DEFAULT},
    "Items per page.",
)
VERBOSE = query_parameter(
    "verbose", {"type": "boolean", "default": False}, "Also list what became of every item."
)
MEMBER = {
    "contact": {"external_id": "c-1", "email": "jan@example.nl", "id": "1201"},
    "added_at": "2026-07-01T12:00:00Z",
    "last_change_at": "2026-07-01T12:00:00Z",
    "source": "api:Web shop",
}

LIST_MEMBERS = operation(
    "members_list",
    tag=TAG,
    summary="List the members of an audience",
    description=(
        "Page by page with `next_cursor` (also as `Link: rel=next`), right while members come and go, and as fast "
        "at the end of a large audience as at its beginning."
    ),
    answers={200: answer(MembersOut, "A page of members.")},
    errors=("audience_not_found", "invalid_external_id"),
    examples=[
        OpenApiExample(
            "Page",
            {
                "items": [MEMBER],
                "next_cursor": None,
            },
            response_only=True,
            status_codes=["200"],
        )
    ],
    parameters=[
        path_id(),
        EXTERNAL_ID,
        CURSOR,
        LIMIT,
        query_parameter(
            "added_since", {"type": "string", "format": "date-time"}, "Only members added since."
        ),
        query_parameter(
            "sort", {"type": "string", "enum": ["id", "added_at"], "default": "id"}, "The order."
        ),
        query_parameter(
            "fields",
            {
                "type": "string",
                "pattern": "^(contact|added_at|last_change_at|source)(,(contact|added_at|last_change_at|source))*$",
            },
            "Of each member only these, separated by commas: contact, added_at, last_change_at, source.",
        ),
    ],
)

BATCH_REQUEST = {
    "identifier": "external_id",
    "unknown_contacts": "hold",
    "operations": [
        {"op": "add", "id": "c-1"},
        {"op": "add", "contact": {"email": "jan@example.nl", "properties": {"first_name": "Jan"}}},
        {"op": "remove", "id": "c-9"},
        {"op": "add", "contact": {"email": "not-an-address"}},
    ],
}
BATCH_ANSWER = {
    "request_id": "req_3f9a5b1c7d2e4f60718293a4",
    "audience": "vip-2024",
    "validate_only": False,
    "summary": {
        "received": 4,
        "added": 1,
        "already_member": 0,
        "removed": 1,
        "not_member": 0,
        "held": 1,
        "created": 0,
        "updated": 0,
        "superseded": 0,
        "stale": 0,
        "failed": 1,
        "not_applied": 0,
    },
    "version": 43,
    "member_count": 15234,
    "held_count": 13,
    "errors": [
        {
            "index": 3,
            "op": "add",
            "pointer": "/operations/3/contact/email",
            "code": "invalid_identifier",
            "detail": "An e-mail address has exactly one @.",
            "retryable": False,
        }
    ],
    "errors_truncated": False,
    "warnings": [],
    "warnings_truncated": False,
}

CHANGE_MEMBERS = operation(
    "members_batch",
    tag=TAG,
    summary="Add and remove members",
    description=f"""Up to {limits.OPERATIONS_PER_REQUEST} operations in one call, with contact data and consents.

- Long form: `operations`, each with `op` and the person's `id` or `contact`. Of two operations on one person the
  later `occurred_at` wins (else the later position); the other one counts as `superseded`.
- Short form: `add` and `remove` hold ids. An id in both fails on both sides.
- Ids are of the kind `identifier` says (the audience's own by default). An `email_sha256` is the SHA-256 of the
  address after trimming and lower-casing, in hexadecimal digits; it finds and holds people, but nobody is created
  from it alone. A contact that also tells the address is known by the address.
- `unknown_contacts`: `reject` fails the item, `create` makes the person, `hold` keeps the membership for
  {limits.HELD_DAYS} days until the person is known. A held add keeps only the identifier and the time: contact
  data sent with it are not kept, so send them again once the person is known.
- `occurred_at` (else `emitted_at`, else now) orders: an operation older than the latest one on this person in this
  audience is `stale`, which is no error.
- 200: every item was applied. 207: some failed, the others were applied; `errors` says which and whether to
  retry. With `atomic` the answer is then 422 and nothing was applied. `validate_only` changes nothing.
- More than {limits.INLINE_ERRORS:,} errors: `errors_url` leads to all of them, for 7 days.
- After a replace of the audience, operations older than its snapshot are `stale` too, for everybody.
- The numbers of `summary` but `created` and `updated` add up to `received`.
- Codes of items: `contact_not_found`, `invalid_identifier`, `invalid_contact`, `invalid_consent`,
  `invalid_operation`, `unknown_field`, `unknown_objective`, `ambiguous_identifier`, `external_id_mismatch`,
  `email_taken`, `external_id_taken`, `identifier_taken` (`holder` is the external id of the person who has it),
  `erased`, `conflicting_operations`, `timestamp_in_future`. None of them is to be retried: what may pass refuses
  the whole call with 503.
- Contact data need the scope `contacts:write`, consents `consents:write`. Membership is never a consent.""",
    body=BatchIn,
    answers={
        200: answer(BatchOut, "Every operation was applied (or would be)."),
        207: answer(BatchOut, "Some operations failed; the others were applied."),
    },
    errors=(
        *IDEMPOTENT,
        "audience_not_found",
        "audience_not_pushed",
        "too_many_items",
        "empty_request",
        "timestamp_in_future",
        "invalid_external_id",
    ),
    examples=[
        OpenApiExample("Long form", BATCH_REQUEST, request_only=True),
        OpenApiExample("Short form", {"add": ["c-1", "c-2"], "remove": ["c-9"]}, request_only=True),
        OpenApiExample("Some failed", BATCH_ANSWER, response_only=True, status_codes=["207"]),
    ],
    parameters=[
        path_id(),
        EXTERNAL_ID,
        VERBOSE,
        IDEMPOTENCY_KEY,
    ],
)

PUT_MEMBER = operation(
    "member_put",
    tag=TAG,
    summary="Add one member",
    description=(
        "The same as a batch with one `add`. 201 when the person joined, 200 when they were a member already, 202 when "
        "nobody knows them yet and the audience (or `unknown_contacts`) holds such people. An operation older than "
        "the latest one on this person is not applied: 200 with `applied: false`. The body may be left out."
    ),
    body=MemberIn,
    answers={
        200: answer(MemberPutOut, "A member already, or not applied because it is stale."),
        201: answer(MemberPutOut, "Added."),
        202: answer(MemberPutOut, "Held until the person is known."),
    },
    errors=(
        *IDEMPOTENT,
        "audience_not_found",
        "contact_not_found",
        "audience_not_pushed",
        "erased",
        "timestamp_in_future",
        "invalid_external_id",
    ),
    examples=[
        OpenApiExample("When it happened", {"occurred_at": "2026-07-01T11:59:58Z"}, request_only=True),
        OpenApiExample(
            "Added",
            {"outcome": "added", "applied": True, **MEMBER},
            response_only=True,
            status_codes=["201"],
        ),
        OpenApiExample(
            "Held",
            {
                "outcome": "held",
                "applied": True,
                "contact": {"external_id": "c-404", "email": None, "id": None},
                "added_at": None,
                "last_change_at": "2026-07-01T12:00:00Z",
                "source": "api:Web shop",
                "held_until": "2026-07-31T12:00:00Z",
            },
            response_only=True,
            status_codes=["202"],
        ),
    ],
    parameters=[path_id(), CONTACT, EXTERNAL_ID, CONTACT_PARAMETER, IDEMPOTENCY_KEY],
)

DELETE_MEMBER = operation(
    "member_delete",
    tag=TAG,
    summary="Remove one member",
    description=(
        "204 whether the person was a member, held, unknown, or never there. A removal older than the latest operation "
        "on this person has no effect, and is 204 too. Removing is no unsubscribe: no consent changes."
    ),
    answers={204: answer(None, "Not a member any more.")},
    errors=(
        *IDEMPOTENT,
        "audience_not_found",
        "audience_not_pushed",
        "timestamp_in_future",
        "invalid_external_id",
    ),
    parameters=[
        path_id(),
        CONTACT,
        EXTERNAL_ID,
        CONTACT_PARAMETER,
        query_parameter(
            "occurred_at", {"type": "string", "format": "date-time"}, "When it happened; now where absent."
        ),
        IDEMPOTENCY_KEY,
    ],
)

GET_MEMBER = operation(
    "member_get",
    tag=TAG,
    summary="Read one member",
    description="Who is not a member is 404, also where they are held until they are known.",
    answers={200: answer(MemberOut, "The member.")},
    errors=("audience_not_found", "member_not_found", "invalid_external_id"),
    examples=[OpenApiExample("Member", MEMBER, response_only=True, status_codes=["200"])],
    parameters=[path_id(), CONTACT, EXTERNAL_ID, CONTACT_PARAMETER],
)

LIST_HISTORY = operation(
    "member_history",
    tag=TAG,
    summary="Read when somebody joined and left",
    description="The latest first, of the last 400 days. Operations without effect are not listed.",
    answers={200: answer(MemberHistoryOut, "A page of the history.")},
    errors=("audience_not_found", "contact_not_found", "invalid_external_id"),
    examples=[
        OpenApiExample(
            "History",
            {
                "contact": MEMBER["contact"],
                "items": [{"at": "2026-07-01T12:00:00Z", "change": "added", "source": "api:Web shop"}],
                "next_cursor": None,
            },
            response_only=True,
            status_codes=["200"],
        )
    ],
    parameters=[path_id(), CONTACT, EXTERNAL_ID, CONTACT_PARAMETER, CURSOR, LIMIT],
)

LIST_HELD = operation(
    "members_held",
    tag=TAG,
    summary="List who is held",
    description=(
        "People nobody knows yet, who become members as soon as they are known, by the identifier they were sent with. "
        f"They are forgotten {limits.HELD_DAYS} days after the latest operation on them."
    ),
    answers={200: answer(HeldsOut, "A page of held people.")},
    errors=("audience_not_found", "invalid_external_id"),
    examples=[
        OpenApiExample(
            "Held",
            {
                "items": [
                    {
                        "identifier": "email",
                        "value": "jan@example.nl",
                        "last_change_at": "2026-07-01T12:00:00Z",
                        "source": "api:Web shop",
                        "held_until": "2026-07-31T12:00:00Z",
                    }
                ],
                "next_cursor": None,
            },
            response_only=True,
            status_codes=["200"],
        )
    ],
    parameters=[path_id(), EXTERNAL_ID, CURSOR, LIMIT],
)

LIST_AUDIENCES_OF_CONTACT = operation(
    "contact_audiences",
    tag=TAG,
    summary="List the audiences of a contact",
    description="Of whatever kind, pushed or made by rules. Deleted audiences are left out.",
    answers={200: answer(MembershipsOut, "A page of audiences.")},
    errors=("contact_not_found", "invalid_external_id"),
    examples=[
        OpenApiExample(
            "Audiences",
            {
                "items": [
                    {
                        "audience": {"external_id": "vip-2024", "id": "aud_17", "name": "VIP 2024"},
                        "added_at": "2026-07-01T12:00:00Z",
                        "last_change_at": "2026-07-01T12:00:00Z",
                        "source": "api:Web shop",
                    }
                ],
                "next_cursor": None,
            },
            response_only=True,
            status_codes=["200"],
        )
    ],
    parameters=[path_id(), EXTERNAL_ID, CURSOR, LIMIT],
)

CHANGE_SEVERAL = operation(
    "membership_changes",
    tag=TAG,
    summary="Change the members of several audiences",
    description=f"""Up to {limits.OPERATIONS_PER_REQUEST} operations on up to {limits.AUDIENCES_PER_REQUEST} audiences,
all of them in one transaction: whoever reads sees none of it or all of it.

- Each operation is as in a batch, and names its `audience`. An id is of the kind `identifier` says, else of the
  audience’s own kind; unknown people are treated as `unknown_contacts` says, else as the audience does.
- An operation on an audience there is not fails with `audience_not_found`, on one made by rules with
  `audience_not_pushed`; its neighbours are applied.
- `atomic` and `validate_only` are about the whole call.
- Contact data: audiences are worked through in the order in which the call names them first.
- `audiences` tells what became of each audience’s operations, `summary` of all.""",
    body=ChangesIn,
    answers={
        200: answer(ChangesOut, "Every operation was applied (or would be)."),
        207: answer(ChangesOut, "Some operations failed; the others were applied."),
    },
    errors=(*IDEMPOTENT, "too_many_items", "empty_request", "timestamp_in_future"),
    examples=[
        OpenApiExample(
            "Two audiences",
            {
                "operations": [
                    {"audience": "vip-2024", "op": "add", "id": "c-1"},
                    {"audience": "prospects", "op": "remove", "id": "c-1"},
                ]
            },
            request_only=True,
        )
    ],
    parameters=[VERBOSE, IDEMPOTENCY_KEY],
)
