"""What people do with outgoing webhooks: make one, change its secret, try it, switch it, send a message again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from syncapp.accounts.models import Account
from syncapp.notices import payloads, signing
from syncapp.notices.door import resolve_alert
from syncapp.notices.kinds import WEBHOOK_STOPPED
from syncapp.notices.models import Delivery, Endpoint
from syncapp.notices.telling import DELIVER
from syncapp.work import wake

OVERLAP = timedelta(hours=24)  # after a rotation both secrets sign


def make_endpoint(
    *,
    account: Account,
    name: str,
    url: str,
    kinds: Sequence[str] = (),
    every_time: bool = False,
    hears_alerts: bool = True,
    events: Sequence[str] = (),
    enabled: bool = True,
) -> tuple[Endpoint, str]:
    """In the account's scope. Returns the row and its secret, which can never be shown again."""
    secret = signing.new_secret()
    endpoint = Endpoint.objects.create(
        account=account,
        name=name,
        url=url,
        kinds=list(kinds),
        every_time=every_time,
        hears_alerts=hears_alerts,
        events=list(events),
        enabled=enabled,
        secrets={"current": secret},
    )
    return endpoint, secret


@transaction.atomic
def rotate_secret(endpoint: Endpoint) -> str:
    """A new secret. The one before it signs, too, for a day; of two rotations in a day only the last counts."""
    held = Endpoint.objects.of(endpoint.account_id).select_for_update().get(pk=endpoint.pk)
    secret = signing.new_secret()
    held.secrets = held.secrets.replaced(current=secret, previous=held.secrets.get("current", ""))
    held.previous_until = timezone.now() + OVERLAP
    held.save(update_fields=["secrets", "previous_until"])
    return secret


def valid_secrets(endpoint: Endpoint) -> list[str]:
    """The newest first."""
    names = ["current"]
    if endpoint.previous_until is not None and endpoint.previous_until > timezone.now():
        names.append("previous")
    return [endpoint.secrets.reveal(name) for name in names if endpoint.secrets.get(name)]


@transaction.atomic
def send_test(endpoint: Endpoint) -> Delivery:
    """A message of type webhook.test, delivered like any other."""
    delivery: Delivery = Delivery.objects.create(
        account_id=endpoint.account_id,
        endpoint=endpoint,
        type=payloads.TEST,
        message_id=payloads.new_message_id(),
        body=payloads.of_test(endpoint),
        state=Delivery.State.WAITING,
        next_attempt_at=timezone.now(),
    )
    wake(DELIVER, str(endpoint.pk), account_id=endpoint.account_id)
    return delivery


@transaction.atomic
def redeliver(delivery: Delivery) -> None:
    """Once more from the first attempt on, under the same webhook-id: so nothing may be added to it any more."""
    Delivery.objects.of(delivery.account_id).filter(pk=delivery.pk).update(
        state=Delivery.State.WAITING,
        attempts=0,
        next_attempt_at=timezone.now(),
        delivered_at=None,
        merge_key="",
    )
    wake(DELIVER, str(delivery.endpoint_id), account_id=delivery.account_id)


@transaction.atomic
def switch(endpoint: Endpoint, *, on: bool, by: str = "a person") -> None:
    """Switched on, it goes on with what waits; what was given up stays so until it is sent again."""
    Endpoint.objects.of(endpoint.account_id).filter(pk=endpoint.pk).update(
        enabled=on, disabled_reason="" if on else f"Switched off by {by}."
    )
    if on:
        resolve_alert(account_id=endpoint.account_id, kind=WEBHOOK_STOPPED, subject=f"webhook:{endpoint.pk}")
        wake(DELIVER, str(endpoint.pk), account_id=endpoint.account_id)


@transaction.atomic
def delete(endpoint: Endpoint) -> None:
    """With its messages; what was told about it is over."""
    resolve_alert(account_id=endpoint.account_id, kind=WEBHOOK_STOPPED, subject=f"webhook:{endpoint.pk}")
    endpoint.delete()
