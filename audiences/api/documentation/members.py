"""Operations on members of audiences."""

from __future__ import annotations

from drf_spectacular.utils import OpenApiExample

from audiences.api.documentation.common import EXTERNAL_ID, IDEMPOTENCY_KEY
from audiences.api.wire import BatchIn, BatchOut, MembersOut
from syncapp.api import limits
from syncapp.api.schema import IDEMPOTENT, answer, operation, path_id, query_parameter

TAG = "Members"

LIST_MEMBERS = operation(
    "members_list",
    tag=TAG,
    summary="List the members of an audience",
    description=(
        "Page by page with `next_cursor` (also as `Link: rel=next`), right while members come and go. "
        "Sorting by id is the fast way through a large audience."
    ),
    answers={200: answer(MembersOut, "A page of members.")},
    errors=("audience_not_found", "invalid_external_id"),
    examples=[
        OpenApiExample(
            "Page",
            {
                "items": [
                    {
                        "contact": {"external_id": "c-1", "email": "jan@example.nl", "id": "1201"},
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
    parameters=[
        path_id(),
        EXTERNAL_ID,
        query_parameter("cursor", {"type": "string"}, "`next_cursor` of the page before."),
        query_parameter(
            "limit",
            {
                "type": "integer",
                "minimum": 1,
                "maximum": limits.PAGE_ITEMS,
                "default": limits.PAGE_ITEMS_DEFAULT,
            },
            "Members per page.",
        ),
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
- Ids are of the kind `identifier` says (the audience's own by default).
- `unknown_contacts`: `reject` fails the item, `create` makes the person, `hold` keeps the membership for
  {limits.HELD_DAYS} days until the person is known. A held add keeps only the identifier and the time: contact
  data sent with it are not kept, so send them again once the person is known.
- `occurred_at` (else `emitted_at`, else now) orders: an operation older than the latest one on this person in this
  audience is `stale`, which is no error.
- 200: every item was applied. 207: some failed, the others were applied; `errors` says which and whether to
  retry. With `atomic` the answer is then 422 and nothing was applied. `validate_only` changes nothing.
- The numbers of `summary` but `created` and `updated` add up to `received`.
- Codes of items: `contact_not_found`, `invalid_identifier`, `invalid_contact`, `invalid_consent`,
  `invalid_operation`, `unknown_field`, `unknown_objective`, `ambiguous_identifier`, `external_id_mismatch`,
  `email_taken`, `external_id_taken`, `identifier_taken` (`holder` is the external id of the person who has it),
  `erased`, `conflicting_operations`, `timestamp_in_future`, `member_limit_reached`, and to be retried
  `temporarily_unavailable`, `locked`.
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
        query_parameter(
            "verbose", {"type": "boolean", "default": False}, "Also list what became of every item."
        ),
        IDEMPOTENCY_KEY,
    ],
)
