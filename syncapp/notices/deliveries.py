"""Delivering webhook messages: claim, sign, post, write down the answer.

The attempt is counted before the request and the answer written after it. A worker that dies in between leaves the
message due again by the same schedule: a receiver may get it twice, under the same webhook-id.
"""

from __future__ import annotations

import random
import time
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from syncapp.egress import Answer, EgressError, Sender
from syncapp.notices import signing
from syncapp.notices.door import raise_alert, resolve_alert
from syncapp.notices.endpoints import valid_secrets
from syncapp.notices.kinds import WEBHOOK_STOPPED
from syncapp.notices.models import Delivery, Endpoint
from syncapp.work import Slice

MINUTE_S, HOUR_S = 60, 3600
# Before the 1st, 2nd, … attempt, as standardwebhooks.com suggests.
WAITS_S = (
    0, 5, 5 * MINUTE_S, 30 * MINUTE_S, 2 * HOUR_S, 5 * HOUR_S, 10 * HOUR_S, 14 * HOUR_S, 20 * HOUR_S, 24 * HOUR_S,
)  # fmt: skip
JITTER = 0.1
TOTAL_S = 15.0
REST_S = 30.0  # an endpoint that did not answer gets its other messages later, so that it holds no worker
LONGEST_REST_S = 24.0 * HOUR_S
GONE = 410
OK = range(200, 300)
REDIRECTS = range(300, 400)


def deliver_due(
    account_id: int, endpoint_id: UUID, slice_: Slice, sender: Sender | None = None
) -> float | None:
    """Deliver what is due to one endpoint, the oldest first. A number: look again in so many seconds."""
    sender = sender if sender is not None else Sender()
    while not slice_.is_over():
        endpoint = Endpoint.objects.of(account_id).filter(pk=endpoint_id, enabled=True).first()
        if endpoint is None:
            return None
        delivery = claim_next(endpoint)
        if delivery is None:
            return seconds_until_next(endpoint)
        if not attempt(endpoint, delivery, sender):
            return seconds_until_next(endpoint, least_s=REST_S)
    return 0


@transaction.atomic
def claim_next(endpoint: Endpoint) -> Delivery | None:
    """The message, its attempt counted and the next one planned; committed before anything is sent."""
    waiting = Delivery.objects.of(endpoint.account_id).filter(
        endpoint=endpoint, state=Delivery.State.WAITING, next_attempt_at__lte=timezone.now()
    )
    delivery: Delivery | None = (
        waiting.select_for_update(skip_locked=True).order_by("next_attempt_at", "pk").first()
    )
    if delivery is None:
        return None
    delivery.attempts += 1
    delivery.next_attempt_at = timezone.now() + timedelta(seconds=wait_after(delivery.attempts))
    delivery.save(update_fields=["attempts", "next_attempt_at"])
    return delivery


def attempt(endpoint: Endpoint, delivery: Delivery, sender: Sender) -> bool:
    """One request. False where no answer came."""
    body = delivery.body.encode()
    signed = signing.headers(valid_secrets(endpoint), delivery.message_id, int(time.time()), body)
    try:
        answer = sender.post(endpoint.url, body, signed, total_s=TOTAL_S)
    except EgressError as error:
        record_failure(endpoint, delivery, None, str(error), 0)
        return False
    if answer.status in OK:
        record_success(endpoint, delivery, answer.status)
    elif answer.status == GONE:
        record_failure(endpoint, delivery, answer.status, "The receiver is gone for good.", 0)
        stop(endpoint, "The receiver answered 410: gone for good.")
    else:
        record_failure(endpoint, delivery, answer.status, words_for(answer.status), retry_after_s(answer))
    return True


@transaction.atomic
def record_success(endpoint: Endpoint, delivery: Delivery, status: int) -> None:
    now = timezone.now()
    Delivery.objects.of(delivery.account_id).filter(pk=delivery.pk).update(
        state=Delivery.State.DELIVERED, delivered_at=now, last_status=status, last_error=""
    )
    Endpoint.objects.of(endpoint.account_id).filter(pk=endpoint.pk).update(last_success_at=now)
    resolve_alert(account_id=endpoint.account_id, kind=WEBHOOK_STOPPED, subject=f"webhook:{endpoint.pk}")


@transaction.atomic
def record_failure(
    endpoint: Endpoint, delivery: Delivery, status: int | None, words: str, floor_s: float
) -> None:
    """`floor_s`: what the receiver asked to wait at least."""
    is_last = delivery.attempts >= len(WAITS_S) or status == GONE
    wait_s = max(wait_after(delivery.attempts), floor_s)
    Delivery.objects.of(delivery.account_id).filter(pk=delivery.pk).update(
        state=Delivery.State.FAILED if is_last else Delivery.State.WAITING,
        next_attempt_at=timezone.now() + timedelta(seconds=wait_s),
        last_status=status,
        last_error=words[:200],
    )
    if is_last and status != GONE and took_nothing_since(endpoint, delivery.created_at):
        stop(endpoint, "It took no message for three days.")


def took_nothing_since(endpoint: Endpoint, since: datetime) -> bool:
    last = (
        Endpoint.objects.of(endpoint.account_id).values_list("last_success_at", flat=True).get(pk=endpoint.pk)
    )
    return last is None or last < since


@transaction.atomic
def stop(endpoint: Endpoint, reason: str) -> None:
    """Switch it off, and say so once. What waits stays, for when a person switches it on again."""
    Endpoint.objects.of(endpoint.account_id).filter(pk=endpoint.pk).update(
        enabled=False, disabled_reason=reason
    )
    raise_alert(
        account_id=endpoint.account_id,
        kind=WEBHOOK_STOPPED,
        subject=f"webhook:{endpoint.pk}",
        subject_label=endpoint.name,
        url=f"/admin/notices/endpoint/{endpoint.pk}/change/",
        title=f"The webhook “{endpoint.name}” was switched off",
        words=f"{reason} Mend the receiver or the address, then switch it on again.",
        severity="warning",
    )


def wait_after(attempts: int) -> float:
    """A tenth more or less, so that what failed together does not come back together."""
    wait_s = WAITS_S[min(attempts, len(WAITS_S) - 1)]
    return wait_s * random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311  no secret depends on it


def retry_after_s(answer: Answer) -> float:
    """Of the header Retry-After: seconds or a date. 0 where it says nothing."""
    written = answer.headers.get("retry-after", "").strip()
    if written.isdecimal():
        return min(float(written[:9]), LONGEST_REST_S)
    try:
        at = parsedate_to_datetime(written)
    except ValueError:
        return 0.0
    wait_s = (at.replace(tzinfo=at.tzinfo or UTC) - timezone.now()).total_seconds()
    return max(0.0, min(wait_s, LONGEST_REST_S))


def words_for(status: int) -> str:
    if status in REDIRECTS:
        return "It leads elsewhere; redirects are not followed. Give the final address."
    return f"The receiver answered {status}."


def seconds_until_next(endpoint: Endpoint, least_s: float = 0.0) -> float | None:
    """`least_s`: for what is due already. None where nothing waits."""
    waiting = Delivery.objects.of(endpoint.account_id).filter(endpoint=endpoint, state=Delivery.State.WAITING)
    due_at = waiting.order_by("next_attempt_at").values_list("next_attempt_at", flat=True).first()
    if due_at is None:
        return None
    wait_s = float((due_at - timezone.now()).total_seconds())
    return wait_s if wait_s > 0 else least_s
