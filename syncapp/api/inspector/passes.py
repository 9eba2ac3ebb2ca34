"""Inspector tokens (`it_live_…`) and the session that one opens: it ends when the token does."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from syncapp.accounts import scope
from syncapp.accounts.models import ApiKey, User
from syncapp.api.models import InspectorToken

PREFIX = "it_live_"
SECRET_BYTES = 32
LIFE = timedelta(days=30)
USE_NOTED_EVERY = timedelta(minutes=1)
COOKIE = "inspector"
PATH = "/inspect/"
SALT = "syncapp.inspector"
SESSION_S = 12 * 3600


def issue(
    key: ApiKey, label: str, *, expires_at: datetime | None = None, created_by: User | None = None
) -> tuple[InspectorToken, str]:
    """Returns the row and the token, which can never be shown again."""
    shown = PREFIX + secrets.token_urlsafe(SECRET_BYTES)
    with scope.account(key.account_id):
        row = InspectorToken.objects.create(
            account_id=key.account_id,
            key=key,
            label=label,
            token_sha256=to_hash(shown),
            expires_at=expires_at or timezone.now() + LIFE,
            created_by=created_by,
        )
    return row, shown


def revoke(token: InspectorToken) -> None:
    """Sessions opened with it end with their next page."""
    rows = InspectorToken.objects.of(token.account_id).filter(pk=token.pk, revoked_at=None)
    rows.update(revoked_at=timezone.now())


def check(shown: str) -> InspectorToken | None:
    """The token, if it is good."""
    with scope.everything("look-up of an inspector token"):
        found = live().filter(token_sha256=to_hash(shown.strip())).first()
    return noted(found)


def current(request: HttpRequest) -> InspectorToken | None:
    """The token whose session this request belongs to."""
    signed = request.get_signed_cookie(COOKIE, default="", salt=SALT, max_age=SESSION_S) or ""
    if not signed.isdigit():
        return None
    with scope.everything("look-up of an inspector's session"):
        return noted(live().filter(pk=int(signed)).first())


def live() -> QuerySet[InspectorToken]:
    found: QuerySet[InspectorToken] = InspectorToken.objects.filter(
        revoked_at=None, expires_at__gt=timezone.now(), account__archived_at=None
    ).select_related("key", "account")
    return found


def noted(token: InspectorToken | None) -> InspectorToken | None:
    """Writes down that it is used, at most once a minute."""
    now = timezone.now()
    if token is not None and (token.last_used_at is None or now - token.last_used_at >= USE_NOTED_EVERY):
        with scope.account(token.account_id):
            InspectorToken.objects.filter(pk=token.pk).update(last_used_at=now)
    return token


def begin(response: HttpResponse, token: InspectorToken) -> None:
    response.set_signed_cookie(
        COOKIE,
        str(token.pk),
        salt=SALT,
        max_age=SESSION_S,
        path=PATH,
        httponly=True,
        samesite="Strict",
        secure=settings.HTTPS,
    )


def end(response: HttpResponse) -> None:
    response.delete_cookie(COOKIE, path=PATH, samesite="Strict")


def to_hash(shown: str) -> bytes:
    return hashlib.sha256(shown.encode()).digest()
