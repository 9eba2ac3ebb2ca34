"""Operations on consents."""

from __future__ import annotations

from drf_spectacular.utils import OpenApiExample, OpenApiParameter

from audiences.api.contact_wire import ConsentAnswer, ConsentPut, ConsentsOut
from audiences.api.documentation.common import EXTERNAL_ID, IDEMPOTENCY_KEY
from audiences.api.documentation.jobs import CURSOR, LIMIT
from syncapp.api.schema import IDEMPOTENT, answer, operation, path_id

TAG = "Consents"
PURPOSE = OpenApiParameter(
    "purpose",
    {"type": "string", "minLength": 1, "maxLength": 60, "examples": ["newsletter"]},
    OpenApiParameter.PATH,
    required=True,
    description="The key of one of the account's objectives.",
)

PUT_CONSENT = operation(
    "consent_put",
    tag=TAG,
    summary="Record an answer of a person",
    description=(
        "One dated answer to one purpose. The latest answer holds, of two at the same moment the denial. An older one "
        "is kept in the ledger and changes nothing: 200 with `applied: false` and `reason: stale`. So a late import of "
        "old opt-ins never undoes an opt-out. No membership changes."
    ),
    body=ConsentPut,
    answers={200: answer(ConsentAnswer, "Recorded; how the person stands now.")},
    errors=(
        *IDEMPOTENT,
        "contact_not_found",
        "objective_not_found",
        "timestamp_in_future",
        "invalid_external_id",
    ),
    examples=[
        OpenApiExample(
            "Double opt-in",
            {
                "state": "granted",
                "occurred_at": "2026-06-01T09:00:00Z",
                "source": "Sign-up form",
                "method": "double_opt_in",
                "proof": {"ip": "192.0.2.1", "url": "https://shop.example/sign-up", "text_version": "3"},
            },
            request_only=True,
        ),
        OpenApiExample(
            "Stale",
            {
                "purpose": "newsletter",
                "applied": False,
                "reason": "stale",
                "state": "denied",
                "at": "2026-06-02T10:00:00Z",
            },
            response_only=True,
            status_codes=["200"],
        ),
    ],
    parameters=[path_id(), PURPOSE, EXTERNAL_ID, IDEMPOTENCY_KEY],
)

LIST_CONSENTS = operation(
    "consents_list",
    tag=TAG,
    summary="Read a person's consents and their history",
    description="How the person stands per purpose, and every answer there was with its proof, the latest first.",
    answers={200: answer(ConsentsOut, "How they stand, and a page of the ledger.")},
    errors=("contact_not_found", "invalid_external_id"),
    examples=[
        OpenApiExample(
            "Consents",
            {
                "consents": {"newsletter": {"state": "granted", "at": "2026-06-01T09:00:00Z"}},
                "items": [
                    {
                        "purpose": "newsletter",
                        "state": "granted",
                        "occurred_at": "2026-06-01T09:00:00Z",
                        "recorded_at": "2026-06-01T09:00:03Z",
                        "source": "Sign-up form",
                        "channel": "email",
                        "method": "double_opt_in",
                        "proof": {"text_version": "3"},
                        "told_by": "api:Web shop",
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
