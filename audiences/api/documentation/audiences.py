"""Operations on audiences."""

from __future__ import annotations

from drf_spectacular.utils import OpenApiExample

from audiences.api.documentation.common import EXTERNAL_ID, IDEMPOTENCY_KEY, IF_MATCH, IF_NONE_MATCH
from audiences.api.wire import AudienceIn, AudienceOut, DeleteCheck
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
AUDIENCE_EXAMPLE = OpenApiExample("Audience", AUDIENCE, response_only=True, status_codes=["200", "201"])

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
    tag=TAG,
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
