"""Access tokens: an hour's `at_live_…` for a key's id and secret (OAuth2 client credentials, RFC 6749 section 4.4)."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Collection
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.utils import timezone

from syncapp.accounts import keys, scope
from syncapp.accounts.keys import Client, Refused, Stored
from syncapp.accounts.models import ApiKey
from syncapp.api.models import AccessToken

PREFIX = "at_live_"
LIFE_S = 3600
SECRET_BYTES = 32
REMEMBERED = timedelta(days=1)  # so long an expired token is told apart from an unknown one

LOOK_UP = f"""
SELECT token.scopes, token.expires_at, {keys.COLUMNS}
FROM (VALUES (%s::bytea)) AS asked (token_sha256)
LEFT JOIN api_accesstoken token ON token.token_sha256 = asked.token_sha256
LEFT JOIN accounts_apikey key ON key.id = token.key_id AND key.account_id = token.account_id
LEFT JOIN accounts_account account ON account.id = key.account_id
"""  # noqa: S608  made of constants only


class Expired(Refused):
    """The token was good, and its hour is over."""


def issue(client: Client, scopes: Collection[str]) -> str:
    """A token of the client with these scopes, of which it must have each."""
    shown = PREFIX + secrets.token_urlsafe(SECRET_BYTES)
    AccessToken.objects.create(
        account_id=client.account_id,
        key_id=client.key_id,
        token_sha256=to_hash(shown),
        scopes=sorted(scopes),
        expires_at=timezone.now() + timedelta(seconds=LIFE_S),
    )
    return shown


def check(shown: str) -> Client:
    """The client behind a token, with the scopes that both token and key have; or Refused, or Expired."""
    scopes, expires_at, stored = look_up(shown)
    now = timezone.now()
    if expires_at is None or stored.kind != ApiKey.Kind.BEARER:
        raise Refused
    if expires_at <= now and stored.is_live(now):
        raise Expired(stored)
    client = keys.accept(stored, now)
    return replace(client, scopes=client.scopes & frozenset(scopes))


def look_up(shown: str) -> tuple[list[str], datetime | None, Stored]:
    with scope.everything("look-up of an access token"), connection.cursor() as cursor:
        cursor.execute(LOOK_UP, [to_hash(shown)])
        row: tuple[Any, ...] = cursor.fetchone()
    return row[0], row[1], Stored(*row[2:])


def to_hash(shown: str) -> bytes:
    return hashlib.sha256(shown.encode()).digest()


def forget_old() -> int:
    """Delete tokens long over, for the accounts in scope. Returns how many."""
    deleted, _ = AccessToken.objects.filter(expires_at__lt=timezone.now() - REMEMBERED).delete()
    return int(deleted)
