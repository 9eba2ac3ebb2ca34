"""API keys of external systems: `ak_live_<8 id>_<secret>`. Issue, check, revoke.

The secret has 256 random bits, so its SHA-256 needs no slow hash. It is shown once and kept nowhere.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import string
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection
from django.utils import timezone

from syncapp.accounts import scope
from syncapp.accounts.models import Account, ApiKey, User, new_prefix

ALPHABET = string.ascii_letters + string.digits
SECRET_CHARS = 43  # log2(62) * 43 = 256 bits
SHAPE = re.compile(r"ak_live_([0-9a-f]{8})_([A-Za-z0-9]{43})")
USE_NOTED_EVERY = timedelta(minutes=1)
NO_HASH = bytes(32)

# Always one row, so that an unknown id takes the way of a known one.
LOOK_UP = """
SELECT key.id, key.account_id, key.label, key.scopes, key.secret_sha256, key.expires_at, key.revoked_at,
    key.last_used_at, account.archived_at
FROM (VALUES (%s)) AS asked (prefix)
LEFT JOIN accounts_apikey key ON key.prefix = asked.prefix
LEFT JOIN accounts_account account ON account.id = key.account_id
"""


@dataclass(frozen=True, slots=True)
class Client:
    """An external system that has shown a valid key."""

    key_id: int
    account_id: int
    prefix: str
    label: str
    scopes: frozenset[str]


@dataclass(frozen=True, slots=True)
class Stored:
    """The row of `LOOK_UP`; every value is None for an unknown id."""

    key_id: int | None
    account_id: int | None
    label: str | None
    scopes: list[str] | None
    secret_sha256: bytes | None
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None
    archived_at: datetime | None

    def is_live(self, now: datetime) -> bool:
        expired = self.expires_at is not None and self.expires_at <= now
        return (
            self.key_id is not None and not expired and self.revoked_at is None and self.archived_at is None
        )


class Refused(Exception):
    """No valid key. Whether it is unknown, wrong, expired or revoked is not told to the caller."""


def hash_secret(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


def issue(
    account: Account,
    label: str,
    scopes: Sequence[str],
    *,
    expires_at: datetime | None = None,
    created_by: User | None = None,
) -> tuple[ApiKey, str]:
    """Make a key. Returns the row and the whole key, which can never be shown again."""
    unknown = set(scopes) - set(ApiKey.Scope.values)
    if unknown:
        raise ValueError(f"Unknown scopes: {', '.join(sorted(unknown))}.")
    secret = "".join(secrets.choice(ALPHABET) for _ in range(SECRET_CHARS))
    with scope.account(account):
        key = ApiKey.objects.create(
            account=account,
            label=label,
            prefix=new_prefix(),
            secret_sha256=hash_secret(secret),
            scopes=list(scopes),
            expires_at=expires_at,
            created_by=created_by,
        )
    return key, f"ak_live_{key.prefix}_{secret}"


def revoke(key: ApiKey) -> None:
    """End a key at once; the first revocation's time stays."""
    ApiKey.objects.of(key.account_id).filter(pk=key.pk, revoked_at=None).update(revoked_at=timezone.now())


def check(shown: str) -> Client:
    """The client behind a key, or `Refused`."""
    match = SHAPE.fullmatch(shown)
    if match is None:
        raise Refused
    prefix, secret = match.groups()
    stored = look_up(prefix)
    now = timezone.now()
    is_right = hmac.compare_digest(bytes(stored.secret_sha256 or NO_HASH), hash_secret(secret))
    if not (is_right and stored.is_live(now)):
        raise Refused
    return accept(prefix, stored, now)


def look_up(prefix: str) -> Stored:
    with scope.everything("look-up of an API key"), connection.cursor() as cursor:
        cursor.execute(LOOK_UP, [prefix])
        return Stored(*cursor.fetchone())


def accept(prefix: str, stored: Stored, now: datetime) -> Client:
    if stored.key_id is None or stored.account_id is None:
        raise Refused
    if stored.last_used_at is None or now - stored.last_used_at >= USE_NOTED_EVERY:
        note_use(stored.key_id, stored.account_id, now)
    return Client(
        key_id=stored.key_id,
        account_id=stored.account_id,
        prefix=prefix,
        label=stored.label or "",
        scopes=frozenset(stored.scopes or ()),
    )


def note_use(key_id: int, account_id: int, now: datetime) -> None:
    """At most one write a minute, also when many requests arrive at once."""
    with scope.account(account_id):
        ApiKey.objects.filter(pk=key_id).exclude(last_used_at__gt=now - USE_NOTED_EVERY).update(
            last_used_at=now
        )
