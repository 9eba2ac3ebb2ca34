"""What the API's documentation says of webhooks. Imported with the addresses, when all events are registered."""

from __future__ import annotations

import json

from drf_spectacular.utils import OpenApiExample, OpenApiParameter

from syncapp.api import limits
from syncapp.api.bodies import PATCH_TYPES
from syncapp.api.schema import IDEMPOTENT, answer, header, operation, query_parameter
from syncapp.notices import events
from syncapp.notices.api.wire import (
    DeliveriesOut,
    DeliveryOut,
    WebhookIn,
    WebhookOut,
    WebhookPatch,
    WebhooksOut,
)
from syncapp.notices.deliveries import TOTAL_S

TAG = "Webhooks"
WEBHOOK_ID = OpenApiParameter(
    "webhook_id",
    {"type": "string"},
    OpenApiParameter.PATH,
    required=True,
    description="The `id` of the webhook.",
)
DELIVERY_ID = OpenApiParameter(
    "delivery_id",
    {"type": "string"},
    OpenApiParameter.PATH,
    required=True,
    description="The `id` of the message.",
)
KEY = header(
    "Idempotency-Key", "The same call with the same key has one effect and one answer.", "3f9a5b1c-7d2e"
)
CURSOR = query_parameter("cursor", {"type": "string"}, "`next_cursor` of the page before.")
LIMIT = query_parameter(
    "limit",
    {"type": "integer", "minimum": 1, "maximum": limits.PAGE_ITEMS, "default": limits.PAGE_ITEMS_DEFAULT},
    "Items per page.",
)
SECRET = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3"  # noqa: S105  an example

WEBHOOK = {
    "id": "6f1c9a52-5f2f-4d35-9a57-5d2f4a1f1c11",
    "name": "Web shop",
    "url": "https://shop.example/hooks",
    "events": ["audience.deleted", "sync.completed"],
    "alerts": False,
    "enabled": True,
    "disabled_reason": "",
    "last_success_at": "2026-07-01T12:00:00Z",
    "previous_secret_until": None,
    "created_at": "2026-01-01T09:00:00Z",
}
DELIVERY = {
    "id": "812",
    "message_id": "msg_0f8fad5bd9cb469fa16570867728950e",
    "type": "audience.deleted",
    "state": "delivered",
    "attempts": 1,
    "next_attempt_at": None,
    "last_status": 204,
    "last_error": "",
    "created_at": "2026-07-01T12:00:00Z",
    "delivered_at": "2026-07-01T12:00:01Z",
}


def of_answer(name: str, value: object, *statuses: str) -> OpenApiExample:
    return OpenApiExample(name, value, response_only=True, status_codes=list(statuses))


def list_of_events() -> str:
    """A line per event, with the data it carries."""
    return "\n".join(
        f"- `{one.key}`: {one.label}. `{json.dumps(one.example, ensure_ascii=False)}`"
        for one in events.known()
    )


LIST_WEBHOOKS = operation(
    "webhooks_list",
    tag=TAG,
    summary="List webhooks",
    description="All webhooks of the account, by name, also those made in the admin.",
    answers={200: answer(WebhooksOut, "A page of webhooks.")},
    examples=[of_answer("Page", {"items": [WEBHOOK], "next_cursor": None}, "200")],
    parameters=[CURSOR, LIMIT],
)

CREATE_WEBHOOK = operation(
    "webhook_create",
    tag=TAG,
    summary="Create a webhook",
    description=f"""Messages are posted as JSON and signed after Standard Webhooks: `webhook-signature` holds
`v1,` and the base64 of HMAC-SHA256 over `webhook-id.webhook-timestamp.body`, with the base64-decoded secret
(without `whsec_`) as key. The secret is in this answer and in no other.

Answer 2xx within {TOTAL_S:.0f} seconds. Anything else, also a redirect, is tried again after 5 s, 5 min, 30 min,
2 h, 5 h, 10 h, 14 h, 20 h and 24 h (a tenth more or less), with the same `webhook-id`: leave out what you have had.
410 switches the webhook off, and so does taking nothing for three days. The address begins with https:// and is in
the public internet.

Each message is `{{"type", "timestamp", "data"}}`; `data` also names the client. `membership.changed` and
`consent.changed` are collected for ten seconds: their numbers are sums. The events and their data:

{list_of_events()}""",
    body=WebhookIn,
    answers={201: answer(WebhookOut, "Created; `secret` is shown this once.")},
    errors=(*IDEMPOTENT, "name_taken", "webhook_limit_reached"),
    examples=[
        OpenApiExample(
            "New",
            {"url": "https://shop.example/hooks", "events": ["audience.deleted", "sync.completed"]},
            request_only=True,
        ),
        of_answer("Created", {**WEBHOOK, "last_success_at": None, "secret": SECRET}, "201"),
    ],
    parameters=[KEY],
)

GET_WEBHOOK = operation(
    "webhook_get",
    tag=TAG,
    summary="Read a webhook",
    description="Without its secret.",
    answers={200: answer(WebhookOut, "The webhook.")},
    errors=("webhook_not_found",),
    examples=[of_answer("Webhook", WEBHOOK, "200")],
    parameters=[WEBHOOK_ID],
)

PATCH_WEBHOOK = operation(
    "webhook_patch",
    tag=TAG,
    summary="Change a webhook",
    description="A field you leave out keeps its value. Switched on again, it gets what waited meanwhile.",
    body=WebhookPatch,
    media_types=PATCH_TYPES,
    answers={200: answer(WebhookOut, "Changed.")},
    errors=(*IDEMPOTENT, "webhook_not_found", "name_taken"),
    examples=[
        OpenApiExample("Switch on", {"enabled": True}, request_only=True),
        of_answer("Webhook", WEBHOOK, "200"),
    ],
    parameters=[WEBHOOK_ID, KEY],
)

DELETE_WEBHOOK = operation(
    "webhook_delete",
    tag=TAG,
    summary="Delete a webhook",
    description="With its messages, also those that wait.",
    answers={204: answer(None, "Deleted.")},
    errors=(*IDEMPOTENT, "webhook_not_found"),
    parameters=[WEBHOOK_ID, KEY],
)

ROTATE_SECRET = operation(
    "webhook_rotate_secret",
    tag=TAG,
    summary="Change the secret",
    description="For 24 hours messages carry two signatures, one of each secret. Needs no body.",
    answers={200: answer(WebhookOut, "`secret` is the new one, shown this once.")},
    errors=(*IDEMPOTENT, "webhook_not_found"),
    examples=[of_answer("Rotated", {**WEBHOOK, "secret": SECRET}, "200")],
    parameters=[WEBHOOK_ID, KEY],
)

SEND_TEST = operation(
    "webhook_test",
    tag=TAG,
    summary="Send a test",
    description="A message of type `webhook.test`, delivered like any other. Needs no body.",
    answers={202: answer(DeliveryOut, "On its way; read the message to see the answer.")},
    errors=(*IDEMPOTENT, "webhook_not_found", "webhook_disabled"),
    examples=[
        of_answer(
            "Waiting",
            {**DELIVERY, "type": "webhook.test", "state": "waiting", "attempts": 0, "delivered_at": None},
            "202",
        )
    ],
    parameters=[WEBHOOK_ID, KEY],
)

LIST_DELIVERIES = operation(
    "webhook_deliveries",
    tag=TAG,
    summary="List messages",
    description="The newest first, and what became of each. Kept for 60 days.",
    answers={200: answer(DeliveriesOut, "A page of messages.")},
    errors=("webhook_not_found",),
    examples=[of_answer("Page", {"items": [DELIVERY], "next_cursor": None}, "200")],
    parameters=[
        WEBHOOK_ID,
        CURSOR,
        LIMIT,
        query_parameter(
            "state", {"type": "string", "enum": ["waiting", "delivered", "failed"]}, "Only this state."
        ),
    ],
)

GET_DELIVERY = operation(
    "webhook_delivery_get",
    tag=TAG,
    summary="Read a message",
    description="With its body.",
    answers={200: answer(DeliveryOut, "The message.")},
    errors=("webhook_not_found", "delivery_not_found"),
    examples=[
        of_answer(
            "Delivered",
            {
                **DELIVERY,
                "body": '{"type": "audience.deleted", "timestamp": "2026-07-01T12:00:00.000Z", "data": {}}',
            },
            "200",
        )
    ],
    parameters=[WEBHOOK_ID, DELIVERY_ID],
)

REDELIVER = operation(
    "webhook_redeliver",
    tag=TAG,
    summary="Send a message again",
    description="From the first attempt on, under the same `webhook-id`. Needs no body.",
    answers={202: answer(DeliveryOut, "On its way again.")},
    errors=(*IDEMPOTENT, "webhook_not_found", "delivery_not_found", "webhook_disabled"),
    examples=[
        of_answer("Waiting", {**DELIVERY, "state": "waiting", "attempts": 0, "delivered_at": None}, "202")
    ],
    parameters=[WEBHOOK_ID, DELIVERY_ID, KEY],
)
