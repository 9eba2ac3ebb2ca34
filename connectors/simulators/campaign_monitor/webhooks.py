"""Managing a list's webhooks. Nothing is delivered yet."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from .asking import Ask, Created
from .binding import HookSettings, bind
from .errors import Refused
from .state import Webhook

EVENTS = ("Subscribe", "Update", "Deactivate")


def list_webhooks(ask: Ask) -> list[dict[str, Any]]:
    return [
        {
            "WebhookID": webhook.id,
            "Events": webhook.events,
            "Url": webhook.url,
            "Status": "Active" if webhook.active else "Inactive",
            "PayloadFormat": webhook.payload_format,
        }
        for webhook in ask.list.webhooks
    ]


def create_webhook(ask: Ask) -> Created:
    asked = bind(ask.body, HookSettings, "webhook")
    url = urlsplit(asked.url or "")
    if url.scheme not in ("http", "https") or not url.netloc:
        raise Refused(601)
    if (asked.payload_format or "").lower() not in ("json", "xml"):
        raise Refused(602)
    if not asked.events or any(event not in EVENTS for event in asked.events):
        raise Refused(603)
    webhook = Webhook(
        id=ask.core.mint(),
        events=asked.events,
        url=asked.url or "",
        payload_format=(asked.payload_format or "").capitalize(),
    )
    ask.list.webhooks.append(webhook)
    ask.core.changed()
    return Created(webhook.id)


def find(ask: Ask) -> Webhook:
    for webhook in ask.list.webhooks:
        if webhook.id == ask.params["webhook"].lower():
            return webhook
    raise Refused(699)


def delete_webhook(ask: Ask) -> None:
    ask.list.webhooks.remove(find(ask))
    ask.core.changed()


def activate(ask: Ask) -> None:
    find(ask).active = True
    ask.core.changed()


def deactivate(ask: Ask) -> None:
    find(ask).active = False
    ask.core.changed()
