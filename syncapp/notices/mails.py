"""Sending e-mails: at least once per row. What they say is read when they are sent."""

from __future__ import annotations

import smtplib
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.db import transaction
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone

from syncapp.notices import digests, kinds
from syncapp.notices.models import Mail
from syncapp.notices.places import absolute
from syncapp.notices.recipients import When, choices_in
from syncapp.work import Slice

REST_S = 30.0  # a server that is away gets the other mails later, so that it holds no worker
WAITS_S = (60, 300, 1800, 7200, 18_000, 36_000)  # after the 1st, 2nd, … failed attempt


def send_due(account_id: int, slice_: Slice) -> float | None:
    """Send the account's mails that are due. A number: look again in so many seconds."""
    while not slice_.is_over():
        mail = claim_next(account_id)
        if mail is None:
            return seconds_until_next(account_id)
        if not send(mail):
            return seconds_until_next(account_id, least_s=REST_S)
    return 0


@transaction.atomic
def claim_next(account_id: int) -> Mail | None:
    """The mail, its attempt counted and the next one planned; committed before anything is sent."""
    waiting = Mail.objects.of(account_id).filter(
        state=Mail.State.WAITING, next_attempt_at__lte=timezone.now()
    )
    mail: Mail | None = waiting.select_for_update(skip_locked=True).order_by("next_attempt_at", "pk").first()
    if mail is None:
        return None
    mail.attempts += 1
    wait_s = WAITS_S[min(mail.attempts, len(WAITS_S)) - 1]
    mail.next_attempt_at = timezone.now() + timedelta(seconds=wait_s)
    mail.save(update_fields=["attempts", "next_attempt_at"])
    return mail


def send(mail: Mail) -> bool:
    """False where the mail server did not take it."""
    if not is_wanted(mail):
        note(mail, state=Mail.State.DROPPED)
        return True
    try:
        compose(mail).send()
    except (smtplib.SMTPException, OSError) as error:  # class only: a server's words may name the person
        is_last = mail.attempts > len(WAITS_S)
        state = Mail.State.FAILED if is_last else Mail.State.WAITING
        note(mail, state=state, error=type(error).__name__)
        return False
    note(mail, state=Mail.State.SENT, sent_at=timezone.now(), error="")
    return True


def note(mail: Mail, **fields: Any) -> None:
    Mail.objects.of(mail.account_id).filter(pk=mail.pk).update(**fields)


def is_wanted(mail: Mail) -> bool:
    """Asked again: a membership may have ended, or the person may have said no, since it was planned."""
    if mail.account.archived_at is not None:
        return False
    kind, source = (mail.alert.kind, mail.alert.source) if mail.alert is not None else (kinds.DIGEST, "")
    choice = choices_in(mail.account_id, kind, source).get(mail.user_id)
    return choice is not None and choice.when != When.NEVER


def compose(mail: Mail) -> EmailMultiAlternatives:
    """Text and HTML. The Message-ID is the row's: a mail that comes twice can be told."""
    context = {**context_of(mail), "account": mail.account, "site": settings.SITE_NAME}
    context["preferences_url"] = absolute(
        f"{reverse('admin:notices_alert_preferences')}?client={mail.account.slug}"
    )
    message = EmailMultiAlternatives(
        subject=" ".join(f"[{mail.account.name}] {context['subject']}".split()),
        body=render_to_string("notices/mail.txt", context),
        to=[mail.user.email],
        headers={
            "Message-ID": f"<notice-{mail.pk}@{urlsplit(settings.SITE_URL).hostname}>",
            "Auto-Submitted": "auto-generated",
        },
    )
    message.attach_alternative(render_to_string("notices/mail.html", context), "text/html")
    return message


def context_of(mail: Mail) -> dict[str, Any]:
    if mail.alert is None:
        return digests.context_of(mail.account, mail.day)
    alert = mail.alert
    is_over = mail.about == Mail.About.RESOLVED
    return {
        "subject": f"Resolved: {alert.title}" if is_over else alert.title,
        "alert": alert,
        "kind": kinds.label_of(alert.kind),
        "is_over": is_over,
        "url": absolute(alert.link) if alert.link else "",
        "zone": mail.account.zone,
    }


def seconds_until_next(account_id: int, least_s: float = 0.0) -> float | None:
    """`least_s`: for what is due already. None where nothing waits."""
    waiting = Mail.objects.of(account_id).filter(state=Mail.State.WAITING)
    due_at = waiting.order_by("next_attempt_at").values_list("next_attempt_at", flat=True).first()
    if due_at is None:
        return None
    wait_s = float((due_at - timezone.now()).total_seconds())
    return wait_s if wait_s > 0 else least_s
