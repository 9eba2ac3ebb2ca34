"""Operations on audiences."""

from __future__ import annotations

from drf_spectacular.utils import OpenApiExample

from audiences.api.documentation.common import EXTERNAL_ID, IDEMPOTENCY_KEY, IF_MATCH, IF_NONE_MATCH
from audiences.api.jobs_wire import JobOut
from audiences.api.wire import (
    AudienceIn,
    AudienceNew,
    AudienceOut,
    AudiencePatch,
    AudiencesOut,
    DeleteCheck,
    EmptyIn,
    EmptyOut,
    UsageOut,
)
from syncapp.api import limits
from syncapp.api.bodies import PATCH_TYPES
from syncapp.api.schema import IDEMPOTENT, answer, header, operation, path_id, query_parameter

TAG = "Audiences"

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
USAGES = [
    {
        "kind": "goal",
        "id": "5",
        "name": "Campaign Monitor: Newsletter",
        "state": "on",
        "url": "/admin/connectors/goal/5/change/",
        "blocks_delete": True,
    }
]
WAITS = answer(
    JobOut, "The account wants a person to approve it: nothing is done until then; follow the job."
)
AUDIENCE_EXAMPLE = OpenApiExample("Audience", AUDIENCE, response_only=True, status_codes=["200", "201"])

LIST_AUDIENCES = operation(
    "audiences_list",
    tag=TAG,
    summary="List audiences",
    description=(
        "Page by page with `next_cursor` (also as `Link: rel=next`). Without `state` those that live: active and "
        "archived. Poll with `updated_since`: an audience counts as updated when its properties or its members "
        "change. Figures of reach are left out (null) where counting them for the list would take too long."
    ),
    answers={200: answer(AudiencesOut, "A page of audiences.")},
    examples=[
        OpenApiExample(
            "Page", {"items": [AUDIENCE], "next_cursor": None}, response_only=True, status_codes=["200"]
        )
    ],
    parameters=[
        query_parameter("cursor", {"type": "string"}, "`next_cursor` of the page before."),
        query_parameter(
            "limit",
            {
                "type": "integer",
                "minimum": 1,
                "maximum": limits.PAGE_ITEMS,
                "default": limits.PAGE_ITEMS_DEFAULT,
            },
            "Audiences per page.",
        ),
        query_parameter("name", {"type": "string"}, "Only names that contain this, regardless of case."),
        query_parameter("tag", {"type": "string"}, "Only audiences with this tag."),
        query_parameter(
            "state", {"type": "string", "enum": ["active", "archived", "deleted"]}, "Only this state."
        ),
        query_parameter(
            "updated_since", {"type": "string", "format": "date-time"}, "Only audiences updated since."
        ),
        query_parameter(
            "sort",
            {
                "type": "string",
                "enum": ["name", "-name", "updated_at", "-updated_at", "created_at", "-created_at"],
                "default": "name",
            },
            "The order; `-` turns it round.",
        ),
    ],
)

CREATE_AUDIENCE = operation(
    "audience_create",
    tag=TAG,
    summary="Create an audience",
    description="Only where its id and its name are free; PUT creates or changes.",
    body=AudienceNew,
    answers={201: answer(AudienceOut, "Created; `Location` is its address.")},
    errors=(
        *IDEMPOTENT,
        "external_id_taken",
        "name_taken",
        "audience_limit_reached",
        "invalid_external_id",
    ),
    examples=[
        OpenApiExample("Audience", AUDIENCE, response_only=True, status_codes=["201"]),
        OpenApiExample("New", {"external_id": "vip-2024", "name": "VIP 2024"}, request_only=True),
    ],
    parameters=[IDEMPOTENCY_KEY],
)

GET_AUDIENCE = operation(
    "audience_get",
    tag=TAG,
    summary="Read an audience",
    description="`ETag` carries the version; with `If-None-Match` the answer is 304 while it is the same.",
    answers={200: answer(AudienceOut, "The audience."), 304: answer(None, "You have this version.")},
    errors=("audience_not_found", "invalid_external_id", "invalid_header"),
    examples=[AUDIENCE_EXAMPLE],
    parameters=[path_id(), EXTERNAL_ID, header("If-None-Match", "The version you have.", '"42"')],
)

PUT_AUDIENCE = operation(
    "audience_put",
    tag=TAG,
    summary="Create or change an audience",
    description=(
        "The same call always ends in the same audience: 201 when it is new, 200 when it was there. Where nothing "
        "changes the version stays. A field you leave out keeps its value; null brings back its default. "
        "`state: archived` puts an audience away: it keeps its members and still takes changes. An audience whose "
        "`expires_at` has passed is deleted within minutes, unless something uses it."
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

PATCH_AUDIENCE = operation(
    "audience_patch",
    tag=TAG,
    summary="Change some properties of an audience",
    description="A merge patch (RFC 7396): a field you leave out keeps its value; null brings back its default.",
    body=AudiencePatch,
    media_types=PATCH_TYPES,
    answers={200: answer(AudienceOut, "Changed, or already so.")},
    errors=(
        *IDEMPOTENT,
        "audience_not_found",
        "name_taken",
        "audience_not_pushed",
        "precondition_failed",
        "invalid_external_id",
        "external_id_mismatch",
    ),
    examples=[
        AUDIENCE_EXAMPLE,
        OpenApiExample("Rename", {"name": "VIP 2025"}, request_only=True),
        OpenApiExample("Archive", {"state": "archived"}, request_only=True),
    ],
    parameters=[path_id(), EXTERNAL_ID, IF_MATCH, IDEMPOTENCY_KEY],
)

DELETE_AUDIENCE = operation(
    "audience_delete",
    tag=TAG,
    summary="Delete an audience",
    description=(
        "Refused while anything uses it. Its id and name are free at once. Repeating is fine: 204. With `dry_run` "
        "nothing is deleted and the answer says what would stand in the way. It can be restored for "
        "some time (30 days, or what the account chose)."
    ),
    answers={
        200: answer(DeleteCheck, "With dry_run."),
        202: WAITS,
        204: answer(None, "Deleted, now or before."),
    },
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

LIST_USAGES = operation(
    "audience_usages",
    tag=TAG,
    summary="List what uses an audience",
    description="Everything that uses it, with the path of its page here. What blocks keeps it from being deleted.",
    answers={200: answer(list[UsageOut], "All uses; an empty list where there are none.")},
    errors=("audience_not_found", "invalid_external_id"),
    examples=[OpenApiExample("A goal", USAGES, response_only=True, status_codes=["200"])],
    parameters=[path_id(), EXTERNAL_ID],
)

RESTORE_AUDIENCE = operation(
    "audience_restore",
    tag=TAG,
    summary="Restore a deleted audience",
    description=(
        "Brings back the audience of this id that was deleted last, with its members. Needs no body. Its id and "
        "its name must still be free. An expiry that has passed is taken off."
    ),
    answers={200: answer(AudienceOut, "It is back.")},
    errors=(
        *IDEMPOTENT,
        "audience_not_found",
        "external_id_taken",
        "name_taken",
        "audience_not_pushed",
        "audience_limit_reached",
        "restore_window_passed",
        "invalid_external_id",
    ),
    examples=[AUDIENCE_EXAMPLE],
    parameters=[path_id(), EXTERNAL_ID, IDEMPOTENCY_KEY],
)

EMPTY_AUDIENCE = operation(
    "audience_empty",
    tag=TAG,
    summary="Empty an audience",
    description=(
        "Takes out all members, and the people who are held. Guarded: say how many members you believe there are, "
        "or name the version with `If-Match`; where neither is said the answer is 428. What uses the audience "
        "goes on with nobody in it, as far as its own guards allow: an export holds mass removals for a person. An "
        "operation that happened before and arrives later is stale."
    ),
    body=EmptyIn,
    answers={200: answer(EmptyOut, "It is empty."), 202: WAITS},
    errors=(
        *IDEMPOTENT,
        "audience_not_found",
        "audience_not_pushed",
        "count_mismatch",
        "precondition_required",
        "precondition_failed",
        "invalid_external_id",
    ),
    examples=[
        OpenApiExample("Guarded", {"expected_member_count": 15234}, request_only=True),
        OpenApiExample(
            "Emptied",
            {"removed": 15234, "held_removed": 12, "version": 43},
            response_only=True,
            status_codes=["200"],
        ),
    ],
    parameters=[path_id(), EXTERNAL_ID, IF_MATCH, IDEMPOTENCY_KEY],
)
