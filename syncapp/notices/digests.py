"""The daily digest: at 07:30 in the account's time zone, open alerts and what was resolved the day before."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from syncapp.accounts import scope
from syncapp.accounts.models import Account
from syncapp.notices import kinds
from syncapp.notices.models import Alert, Digest, Mail
from syncapp.notices.places import absolute
from syncapp.notices.recipients import When, choices_in
from syncapp.notices.telling import DUE, SEND_MAILS
from syncapp.work import DailyAt, next_time, wake

PLAN = "notices.digest"
AT = time(7, 30)
SHOWN = 50


def due_day(account: Account, now: datetime) -> date | None:
    """The account's date whose digest is due: today's from 07:30 on. None before, and on its first day."""
    today = now.astimezone(account.zone).date()
    due_at = next_time(DailyAt((AT,)), account.zone, midnight(account, today) - timedelta(seconds=1))
    return today if account.created_at < due_at <= now else None


def midnight(account: Account, day: date) -> datetime:
    """When the day begins there, in UTC."""
    return datetime.combine(day, time(), account.zone).astimezone(UTC)


def wake_due(now: datetime) -> None:
    """Wake the planning of each account whose digest is due and not planned yet."""
    with scope.everything("digests of all accounts become due"):
        done = set(
            Digest.objects.filter(day__gte=now.date() - timedelta(days=2)).values_list("account_id", "day")
        )
        for account in Account.objects.filter(archived_at=None).order_by("pk"):
            day = due_day(account, now)
            if day is not None and (account.pk, day) not in done:
                wake(PLAN, day.isoformat(), account_id=account.pk)


@transaction.atomic
def plan(account_id: int, day: date) -> None:
    """A row per person who wants it, once; none where there is nothing to say."""
    _, is_new = Digest.objects.get_or_create(account_id=account_id, day=day)
    if not is_new:
        return
    account = Account.objects.get(pk=account_id)
    if not has_something_to_say(account, day):
        return
    rows = [
        Mail(
            account_id=account_id,
            user_id=user_id,
            about=Mail.About.DIGEST,
            day=day,
            occurrence=1,
            next_attempt_at=timezone.now(),
        )
        for user_id, choice in choices_in(account_id, kinds.DIGEST).items()
        if choice.when != When.NEVER
    ]
    Mail.objects.bulk_create(rows, ignore_conflicts=True)
    wake(SEND_MAILS, DUE, account_id=account_id)


def has_something_to_say(account: Account, day: date) -> bool:
    return bool(open_alerts(account).exists() or resolved_yesterday(account, day).exists())


def open_alerts(account: Account) -> Any:
    return Alert.objects.of(account).filter(resolved_at=None).order_by("-last_at")


def resolved_yesterday(account: Account, day: date) -> Any:
    """On the account's own date before `day`."""
    since, until = midnight(account, day - timedelta(days=1)), midnight(account, day)
    return (
        Alert.objects.of(account)
        .filter(resolved_at__gte=since, resolved_at__lt=until)
        .order_by("resolved_at")
    )


def context_of(account: Account, day: date | None) -> dict[str, Any]:
    """For the templates; what is open is read now, when the mail is sent."""
    on = day or timezone.now().astimezone(account.zone).date()
    still_open = [in_digest(alert) for alert in open_alerts(account)[: SHOWN + 1]]
    resolved = [in_digest(alert) for alert in resolved_yesterday(account, on)[: SHOWN + 1]]
    counted = f"{SHOWN}+" if len(still_open) > SHOWN else str(len(still_open))
    return {
        "subject": f"{counted} open, {len(resolved[:SHOWN])} resolved yesterday",
        "digest": True,
        "still_open": still_open[:SHOWN],
        "resolved": resolved[:SHOWN],
        "is_cut": len(still_open) > SHOWN or len(resolved) > SHOWN,
        "url": absolute(reverse("admin:notices_alert_changelist")),
        "zone": account.zone,
    }


def in_digest(alert: Alert) -> dict[str, Any]:
    return {
        "alert": alert,
        "kind": kinds.label_of(alert.kind),
        "url": absolute(alert.link) if alert.link else "",
    }
