"""What the API does with webhooks. Raises `Problem`, knows nothing of HTTP's form. Runs in the account's scope."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from msgspec import UNSET, UnsetType

from syncapp import egress
from syncapp.accounts.keys import Client
from syncapp.accounts.models import Account
from syncapp.api import limits
from syncapp.api.problems import Problem, invalid
from syncapp.egress.policy import of_settings
from syncapp.notices import endpoints, events
from syncapp.notices.api.wire import DeliveryOut, WebhookIn, WebhookOut, WebhookPatch
from syncapp.notices.models import Delivery, Endpoint


def rows(client: Client) -> Any:
    return Endpoint.objects.of(client.account_id).defer("secrets")


def find(client: Client, webhook_id: str) -> Endpoint:
    """The same words for what is unknown and for another account's."""
    endpoint: Endpoint | None = None
    with suppress(ValueError):
        endpoint = rows(client).filter(pk=UUID(webhook_id)).first()
    if endpoint is None:
        raise Problem("webhook_not_found", "There is no webhook with this id.")
    return endpoint


def check(wanted: WebhookIn | WebhookPatch) -> None:
    """What no look at stored rows is needed for."""
    if wanted.url is not UNSET:
        wanted.url = checked_url(wanted.url)
    if wanted.events is not UNSET:
        wanted.events = known_events(wanted.events)
    if isinstance(wanted, WebhookIn):
        require_something_to_hear(wanted.events, wanted.alerts)


def checked_url(url: str) -> str:
    """As the admin checks it. What the name stands for is looked at again at every connection."""
    try:
        return str(egress.parse(url.strip(), of_settings()))
    except egress.Forbidden as error:
        raise invalid("/url", str(error), "forbidden_url") from error


def known_events(wanted: Iterable[str]) -> list[str]:
    for place, name in enumerate(wanted):
        if not events.is_known(name):
            known = ", ".join(one.key for one in events.known())
            raise invalid(f"/events/{place}", f"There is no such event. Known: {known}.", "unknown_event")
    return list(dict.fromkeys(wanted))


def require_something_to_hear(wanted: list[str], alerts: bool) -> None:
    if not wanted and not alerts:
        raise invalid("/events", "Name at least one event, or set alerts.", "required")


@transaction.atomic
def make(client: Client, wanted: WebhookIn) -> tuple[Endpoint, str]:
    """The row and its secret."""
    account = Account.objects.select_for_update(no_key=True).get(pk=client.account_id)
    names = set(rows(client).values_list("name", flat=True))
    if len(names) >= limits.WEBHOOKS_PER_ACCOUNT:
        words = f"An account may have {limits.WEBHOOKS_PER_ACCOUNT} webhooks."
        raise Problem("webhook_limit_reached", words, limit=limits.WEBHOOKS_PER_ACCOUNT)
    name = free_name(wanted.url, names) if isinstance(wanted.name, UnsetType) else wanted.name
    if name in names:
        raise name_taken()
    return endpoints.make_endpoint(
        account=account,
        name=name,
        url=wanted.url,
        hears_alerts=wanted.alerts,
        events=wanted.events,
        enabled=wanted.enabled,
    )


def free_name(url: str, taken: set[str]) -> str:
    """The host, with a number where that is taken."""
    host = url.split("/")[2][:90]
    names = [host, *(f"{host} {number}" for number in range(2, len(taken) + 3))]
    return next(name for name in names if name not in taken)


def name_taken() -> Problem:
    return Problem("name_taken", "Another webhook has this name.")


@transaction.atomic
def change(client: Client, webhook_id: str, wanted: WebhookPatch) -> Endpoint:
    endpoint = find(client, webhook_id)
    given: dict[str, Any] = {
        "url": wanted.url,
        "name": wanted.name,
        "events": wanted.events,
        "hears_alerts": wanted.alerts,
    }
    changed = {name: value for name, value in given.items() if value is not UNSET}
    require_something_to_hear(
        changed.get("events", endpoint.events), changed.get("hears_alerts", endpoint.hears_alerts)
    )
    for name, value in changed.items():
        setattr(endpoint, name, value)
    if changed:
        save(endpoint, list(changed))
    if wanted.enabled is not UNSET and wanted.enabled != endpoint.enabled:
        endpoints.switch(endpoint, on=wanted.enabled, by="a call of the API")
    return find(client, webhook_id)


def save(endpoint: Endpoint, names: list[str]) -> None:
    try:
        with transaction.atomic():
            endpoint.save(update_fields=names)
    except IntegrityError as error:
        raise name_taken() from error


def delete(client: Client, webhook_id: str) -> None:
    """Its messages go with it; an alert about it is over."""
    endpoints.delete(find(client, webhook_id))


def require_enabled(endpoint: Endpoint) -> None:
    if not endpoint.enabled:
        raise Problem("webhook_disabled", "Switch the webhook on first: nothing is sent while it is off.")


def messages_of(endpoint: Endpoint) -> Any:
    return Delivery.objects.of(endpoint.account_id).filter(endpoint=endpoint)


def find_message(endpoint: Endpoint, delivery_id: str) -> Delivery:
    found: Delivery | None = None
    if delivery_id.isascii() and delivery_id.isdigit() and len(delivery_id) <= 18:
        found = messages_of(endpoint).filter(pk=int(delivery_id)).first()
    if found is None:
        raise Problem("delivery_not_found", "This webhook has no such message.")
    return found


def to_webhook(endpoint: Endpoint, secret: str | UnsetType = UNSET) -> WebhookOut:
    return WebhookOut(
        id=str(endpoint.pk),
        name=endpoint.name,
        url=endpoint.url,
        events=list(endpoint.events),
        alerts=endpoint.hears_alerts,
        enabled=endpoint.enabled,
        disabled_reason=endpoint.disabled_reason,
        last_success_at=endpoint.last_success_at,
        previous_secret_until=endpoint.previous_until,
        created_at=endpoint.created_at,
        secret=secret,
    )


def to_delivery(delivery: Delivery, *, with_body: bool = False) -> DeliveryOut:
    is_waiting = delivery.state == Delivery.State.WAITING
    return DeliveryOut(
        id=str(delivery.pk),
        message_id=delivery.message_id,
        type=delivery.type,
        state=delivery.state,  # type: ignore[arg-type]  # choices of the model
        attempts=delivery.attempts,
        next_attempt_at=delivery.next_attempt_at if is_waiting else None,
        last_status=delivery.last_status,
        last_error=delivery.last_error,
        created_at=delivery.created_at,
        delivered_at=delivery.delivered_at,
        body=delivery.body if with_body else UNSET,
    )
