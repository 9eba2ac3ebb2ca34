"""What workers wake up for."""

from __future__ import annotations

from datetime import date, timedelta
from uuid import UUID

from django.utils import timezone

from syncapp.accounts import scope
from syncapp.notices import deliveries, digests, mails, telling
from syncapp.notices.door import TELL
from syncapp.notices.models import Alert, Delivery, Digest, Mail
from syncapp.work import Slice, daily, every, handler, wake

LEFT_LYING = timedelta(minutes=5)
ALERTS_KEPT = timedelta(days=180)  # after their end; their mails and messages go with them
MESSAGES_KEPT = timedelta(days=60)


@handler(TELL)
def tell_alert(account_id: int, key: str, slice_: Slice) -> float | None:
    return telling.tell(account_id, int(key))


@handler(telling.SEND_MAILS)
def send_mails(account_id: int, key: str, slice_: Slice) -> float | None:
    return mails.send_due(account_id, slice_)


@handler(telling.DELIVER)
def deliver(account_id: int, key: str, slice_: Slice) -> float | None:
    return deliveries.deliver_due(account_id, UUID(key), slice_)


@handler(digests.PLAN)
def plan_digest(account_id: int, key: str, slice_: Slice) -> float | None:
    digests.plan(account_id, date.fromisoformat(key))
    return None


@every(60, name="notices.digests")
def wake_digests(slice_: Slice) -> float | None:
    digests.wake_due(timezone.now())
    return None


@every(300, name="notices.sweep")
def sweep(slice_: Slice) -> float | None:
    """Wake what is due and was forgotten: rows, not wake-ups, are the truth."""
    before = timezone.now() - LEFT_LYING
    with scope.everything("mails and messages of every account may have been forgotten"):
        late = {"state": "waiting", "next_attempt_at__lt": before}
        for account_id in (
            Mail.objects.filter(**late).order_by().values_list("account_id", flat=True).distinct()
        ):
            wake(telling.SEND_MAILS, telling.DUE, account_id=account_id)
        messages = Delivery.objects.filter(**late, endpoint__enabled=True).order_by()
        for account_id, endpoint_id in messages.values_list("account_id", "endpoint_id").distinct():
            wake(telling.DELIVER, str(endpoint_id), account_id=account_id)
        untold = Alert.objects.filter(told_times=0, resolved_at=None, first_at__lt=before)
        for account_id, alert_id in untold.values_list("account_id", "pk"):
            wake(TELL, str(alert_id), account_id=account_id)
    return None


@daily("03:40", name="notices.forget")
def forget(slice_: Slice) -> float | None:
    now = timezone.now()
    with scope.everything("old notices of every account are deleted"):
        Alert.objects.filter(resolved_at__lt=now - ALERTS_KEPT).delete()
        Mail.objects.filter(created_at__lt=now - MESSAGES_KEPT).exclude(state="waiting").delete()
        Delivery.objects.filter(created_at__lt=now - MESSAGES_KEPT).exclude(state="waiting").delete()
        Digest.objects.filter(planned_at__lt=now - MESSAGES_KEPT).delete()
    return None
