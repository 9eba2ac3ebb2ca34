"""Credentials that end: told two weeks before, so that nothing has to stop."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.utils import timezone

from connectors import alerts
from connectors.models import Authorization
from syncapp.accounts import scope

TOLD_BEFORE = timedelta(days=14)


def tell_of_endings(now: datetime | None = None) -> None:
    """One alert per set of credentials; taken back when they last longer again."""
    moment = now or timezone.now()
    with scope.everything("credentials of every account end"):
        for authorization in Authorization.objects.exclude(expires_at=None).defer("secrets").order_by("pk"):
            left = (authorization.expires_at or moment) - moment
            if left <= TOLD_BEFORE:
                alerts.credentials_ending(authorization, max(0, left.days))
            else:
                alerts.credentials_last(authorization)
