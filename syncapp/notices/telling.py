"""From an alert to the rows of e-mails and webhook messages it causes. Nothing is sent here."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from syncapp.notices import payloads
from syncapp.notices.models import Alert, Delivery, Endpoint, Mail, Preference
from syncapp.notices.recipients import choices_in
from syncapp.work import wake, wake_all

SEND_MAILS = "notices.mail"
DELIVER = "notices.deliver"
DUE = "due"
EVERY_TIME_APART = timedelta(minutes=10)  # an alert that happens each second is told at most so often

When = Preference.When


@transaction.atomic
def tell(account_id: int, alert_id: int) -> float | None:
    """Plan the telling of what happened to the alert since the last time. A number: look again in so many seconds.

    Rows and the mark that they were planned are one transaction, and the rows have unique keys besides: however
    often this runs, nobody gets two. An alert that was resolved before anybody was told is told to nobody; it is
    in the list and the digest.
    """
    alert = Alert.objects.of(account_id).select_for_update().filter(pk=alert_id).first()
    if alert is None:
        return None
    if alert.resolved_at is not None:
        tell_resolved(alert)
        return None
    if alert.times == alert.told_times:
        return None
    wait_s = seconds_until_repeat(alert)
    if wait_s > 0:
        return wait_s
    tell_raised(alert)
    Alert.objects.of(account_id).filter(pk=alert.pk).update(told_times=alert.times, told_at=timezone.now())
    return None


def seconds_until_repeat(alert: Alert) -> float:
    if alert.told_at is None:
        return 0.0
    return (alert.told_at + EVERY_TIME_APART - timezone.now()).total_seconds()


def tell_raised(alert: Alert) -> None:
    """The first time: everybody who wants to know. Later: who asked for every time."""
    is_first = alert.told_times == 0
    wanted = {When.FIRST, When.EVERY} if is_first else {When.EVERY}
    choices = choices_in(alert.account_id, alert.kind, alert.source)
    occurrence = 1 if is_first else alert.times
    write_mails(
        alert,
        Mail.About.RAISED,
        (user_id for user_id, choice in choices.items() if choice.when in wanted),
        occurrence,
    )
    endpoints = [one for one in endpoints_for(alert) if is_first or one.every_time]
    write_deliveries(alert, payloads.RAISED, endpoints, occurrence)


def tell_resolved(alert: Alert) -> None:
    """Whoever was told that it was raised, unless they said they need not hear of the end."""
    if alert.told_times == 0:
        return
    choices = choices_in(alert.account_id, alert.kind, alert.source)
    told = Mail.objects.of(alert.account_id).filter(alert=alert, about=Mail.About.RAISED)
    told_users = set(told.exclude(state=Mail.State.DROPPED).values_list("user_id", flat=True))
    write_mails(
        alert,
        Mail.About.RESOLVED,
        (user_id for user_id, choice in choices.items() if user_id in told_users and choice.resolved),
    )
    heard = Delivery.objects.of(alert.account_id).filter(alert=alert).values_list("endpoint_id", flat=True)
    endpoints = [one for one in endpoints_for(alert) if one.pk in set(heard)]
    write_deliveries(alert, payloads.RESOLVED, endpoints)


def endpoints_for(alert: Alert) -> list[Endpoint]:
    found = Endpoint.objects.of(alert.account_id).filter(enabled=True).defer("secrets")
    return [endpoint for endpoint in found if endpoint.wants(alert.kind)]


def write_mails(alert: Alert, about: str, user_ids: Iterable[int], occurrence: int = 1) -> None:
    rows = [
        Mail(
            account_id=alert.account_id,
            alert=alert,
            user_id=user_id,
            about=about,
            occurrence=occurrence,
            next_attempt_at=timezone.now(),
        )
        for user_id in user_ids
    ]
    if rows:
        Mail.objects.bulk_create(rows, ignore_conflicts=True)
        wake(SEND_MAILS, DUE, account_id=alert.account_id)


def write_deliveries(alert: Alert, type_: str, endpoints: list[Endpoint], occurrence: int = 1) -> None:
    if not endpoints:
        return
    body = payloads.of_alert(alert, type_)
    rows = [
        Delivery(
            account_id=alert.account_id,
            endpoint=endpoint,
            alert=alert,
            type=type_,
            occurrence=occurrence,
            message_id=payloads.new_message_id(),
            body=body,
            next_attempt_at=timezone.now(),
        )
        for endpoint in endpoints
    ]
    Delivery.objects.bulk_create(rows, ignore_conflicts=True)
    wake_all(DELIVER, [str(endpoint.pk) for endpoint in endpoints], account_id=alert.account_id)
