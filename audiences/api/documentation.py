"""What the API's documentation says of each operation."""

from __future__ import annotations

from drf_spectacular.utils import OpenApiExample

from audiences.api.wire import AudienceIn, AudienceOut, BatchIn, BatchOut, DeleteCheck, MembersOut
from syncapp.api import limits
from syncapp.api.schema import IDEMPOTENT, answer, header, operation, path_id, query_parameter

AUDIENCES, MEMBERS = "Audiences", "Members"
IF_MATCH = header("If-Match", "Do it only if the version is this one.", '"42"')
IF_NONE_MATCH = header("If-None-Match", "`*`: create only. A version: not if it is this one.", "*")
IDEMPOTENCY_KEY = header(
    "Idempotency-Key",
    "Any text you choose. The same call with the same key within 24 hours gets the first answer again, with "
    "`Idempotency-Replayed: true`, and has no second effect.",
    "3f9a5b1c-7d2e",
)
EXTERNAL_ID = query_parameter("external_id", {"type": "string"}, "The id, where the path says `-`.")

AUDIENCE = {
    "external_id": "vip-2024",
    "id": "aud_17",
    "name": "VIP 2024",
    "description": "",
    "kind": "pushed",
    "identifier": "external_id",
    "unknown_contacts": "reject",
    "tags": ["crm"],
    "source": {"client_id": "3f9a5b1c", "system": "ERP"},
    "state": "active",
    "member_count": 15234,
    "held_count": 12,
    "reachable_count": {"newsletter": 9120},
    "reachable_counted_at": "2026-07-01T12:01:00Z",
    "version": 42,
    "last_sync": {
        "at": "2026-07-01T12:00:00Z",
        "kind": "delta",
        "job_id": None,
        "added": 10,
        "removed": 2,
        "failed": 0,
    },
    "last_member_added_at": "2026-07-01T12:00:00Z",
    "last_member_removed_at": "2026-07-01T12:00:00Z",
    "created_at": "2026-01-01T09:00:00Z",
    "updated_at": "2026-07-01T12:00:00Z",
    "deleted_at": None,
    "expires_at": None,
}
AUDIENCE_EXAMPLE = OpenApiExample("Audience", AUDIENCE, response_only=True, status_codes=["200", "201"])

GET_AUDIENCE = operation(
    "audience_get",
    tag=AUDIENCES,
    summary="Read an audience",
    description="`ETag` carries the version; with `If-None-Match` the answer is 304 while it is the same.",
    answers={200: answer(AudienceOut, "The audience."), 304: answer(None, "You have this version.")},
    errors=("audience_not_found", "invalid_external_id", "invalid_header"),
    examples=[AUDIENCE_EXAMPLE],
    parameters=[path_id(), EXTERNAL_ID, header("If-None-Match", "The version you have.", '"42"')],
)

PUT_AUDIENCE = operation(
    "audience_put",
    tag=AUDIENCES,
    summary="Create or change an audience",
    description=(
        "The same call always ends in the same audience: 201 when it is new, 200 when it was there. Where nothing "
        "changes the version stays. A field you leave out keeps its value; null brings back its default."
    ),
    body=AudienceIn,
    answers={200: answer(AudienceOut, "Changed, or already so."), 201: answer(AudienceOut, "Created.")},
    errors=(
        *IDEMPOTENT,
        "external_id_taken",
        "name_taken",
        "audience_not_pushed",
        "audience_limit_reached",
        "precondition_failed",
        "invalid_external_id",
        "external_id_mismatch",
    ),
    examples=[
        AUDIENCE_EXAMPLE,
        OpenApiExample(
            "Create", {"name": "VIP 2024", "unknown_contacts": "create", "tags": ["crm"]}, request_only=True
        ),
    ],
    parameters=[path_id(), EXTERNAL_ID, IF_MATCH, IF_NONE_MATCH, IDEMPOTENCY_KEY],
)

DELETE_AUDIENCE = operation(
    "audience_delete",
    tag=AUDIENCES,
    summary="Delete an audience",
    description=(
        "Refused while anything uses it. Its id and name are free at once. Repeating is fine: 204. With `dry_run` "
        "nothing is deleted and the answer says what would stand in the way."
    ),
    answers={200: answer(DeleteCheck, "With dry_run."), 204: answer(None, "Deleted, now or before.")},
    errors=(
        *IDEMPOTENT,
        "audience_not_found",
        "audience_in_use",
        "audience_not_pushed",
        "precondition_failed",
        "invalid_external_id",
    ),
    examples=[
        OpenApiExample(
            "Dry run", {"would_delete": True, "usages": []}, response_only=True, status_codes=["200"]
        )
    ],
    parameters=[
        path_id(),
        EXTERNAL_ID,
        query_parameter("dry_run", {"type": "boolean", "default": False}, "Only say what would happen."),
        IF_MATCH,
        IDEMPOTENCY_KEY,
    ],
)

LIST_MEMBERS = operation(
    "members_list",
    tag=MEMBERS,
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
    tag=MEMBERS,
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
