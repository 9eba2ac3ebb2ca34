"""API keys of external systems: `ak_live_<8 id>_<secret>`. Issue, check, rotate, revoke.

The secret has 256 random bits, so its SHA-256 needs no slow hash. It is shown once and kept nowhere; only the
consumer secrets of systems that sign their calls are kept, encrypted.
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

from django.db import connection, transaction
from django.utils import timezone

from syncapp.accounts import scope
from syncapp.accounts.models import Account, ApiKey, User, new_prefix
from syncapp.secrets import Secrets

ALPHABET = string.ascii_letters + string.digits
SECRET_CHARS = 43  # log2(62) * 43 = 256 bits
SHAPE = re.compile(r"ak_live_([0-9a-f]{8})_([A-Za-z0-9]{43})")
USE_NOTED_EVERY = timedelta(minutes=1)
NO_HASH = bytes(32)
ROTATION = timedelta(days=7)  # how long an old secret works beside the new one

COLUMNS = """
    key.id, key.account_id, key.prefix, key.kind, key.label, key.scopes, key.networks,
    key.secret_sha256, key.previous_secret_sha256, key.previous_until,
    key.expires_at, key.revoked_at, key.last_used_at, account.archived_at
"""
# Always one row, so that an unknown id takes the way of a known one.
LOOK_UP = f"""
SELECT {COLUMNS}
FROM (VALUES (%s)) AS asked (prefix)
LEFT JOIN accounts_apikey key ON key.prefix = asked.prefix
LEFT JOIN accounts_account account ON account.id = key.account_id
"""  # noqa: S608  made of constants only


@dataclass(frozen=True, slots=True)
class Client:
    """An external system that has shown a valid key. `networks`: where it may call from; none is everywhere."""

    key_id: int
    account_id: int
    prefix: str
    label: str
    scopes: frozenset[str]
    networks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Stored:
    """The `COLUMNS` of a key; every value is None for an unknown id."""

    key_id: int | None
    account_id: int | None
    prefix: str | None
    kind: str | None
    label: str | None
    scopes: list[str] | None
    networks: list[str] | None
    secret_sha256: bytes | None
    previous_secret_sha256: bytes | None
    previous_until: datetime | None
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None
    archived_at: datetime | None

    def is_live(self, now: datetime) -> bool:
        expired = self.expires_at is not None and self.expires_at <= now
        return (
            self.key_id is not None and not expired and self.revoked_at is None and self.archived_at is None
        )

    def previous_works(self, now: datetime) -> bool:
        return self.previous_until is not None and self.previous_until > now

    def has(self, secret: str, now: datetime) -> bool:
        """Compares with both secrets, whether there are two or not: the time says nothing."""
        shown = hash_secret(secret)
        is_current = hmac.compare_digest(bytes(self.secret_sha256 or NO_HASH), shown)
        is_previous = hmac.compare_digest(bytes(self.previous_secret_sha256 or NO_HASH), shown)
        return is_current or (is_previous and self.previous_works(now))


class Refused(Exception):
    """No valid key. Whether it is unknown, wrong, expired or revoked is not told to the caller.

    `stored` is the key whose right secret was shown although it works no more: for our own counts.
    """

    def __init__(self, stored: Stored | None = None) -> None:
        super().__init__("No valid key.")
        self.stored = stored


def hash_secret(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


def new_secret() -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(SECRET_CHARS))


def issue(
    account: Account,
    label: str,
    scopes: Sequence[str],
    *,
    kind: str = ApiKey.Kind.BEARER,
    networks: Sequence[str] = (),
    expires_at: datetime | None = None,
    created_by: User | None = None,
) -> tuple[ApiKey, str]:
    """Make a key. Returns the row and the whole key, which can never be shown again (`parts` takes it apart)."""
    unknown = set(scopes) - set(ApiKey.Scope.values)
    if unknown:
        raise ValueError(f"Unknown scopes: {', '.join(sorted(unknown))}.")
    secret = new_secret()
    with scope.account(account):
        key = ApiKey.objects.create(
            account=account,
            label=label,
            kind=kind,
            prefix=new_prefix(),
            secret_sha256=hash_secret(secret),
            secrets={"current": secret} if kind == ApiKey.Kind.MAILPLUS else {},
            scopes=list(scopes),
            networks=list(networks),
            expires_at=expires_at,
            created_by=created_by,
        )
    return key, whole(key.prefix, secret)


def whole(prefix: str, secret: str) -> str:
    return f"ak_live_{prefix}_{secret}"


def parts(shown: str) -> tuple[str, str]:
    """Prefix and secret of a whole key; for a consumer its key and its secret. Raises Refused."""
    match = SHAPE.fullmatch(shown)
    if match is None:
        raise Refused
    return match[1], match[2]


def rotate(key: ApiKey) -> str:
    """A new secret; the present one works on for seven days, one from an earlier rotation ends now.

    Returns the whole key. Raises Refused where the key is revoked.
    """
    secret = new_secret()
    with scope.account(key.account_id), transaction.atomic():
        row = ApiKey.objects.select_for_update().get(pk=key.pk)
        if row.revoked_at is not None:
            raise Refused
        row.previous_secret_sha256, row.secret_sha256 = row.secret_sha256, hash_secret(secret)
        row.previous_until = timezone.now() + ROTATION
        if row.kind == ApiKey.Kind.MAILPLUS:
            row.secrets = Secrets({"current": secret, "previous": row.secrets.reveal("current")})
        row.save()
    return whole(row.prefix, secret)


def end_previous(key: ApiKey) -> None:
    """The old secret of a rotation stops at once."""
    with scope.account(key.account_id), transaction.atomic():
        row = ApiKey.objects.select_for_update().get(pk=key.pk)
        row.previous_secret_sha256 = row.previous_until = None
        if row.kind == ApiKey.Kind.MAILPLUS:
            row.secrets = Secrets({"current": row.secrets.reveal("current")})
        row.save()


def revoke(key: ApiKey) -> None:
    """End a key at once; the first revocation's time stays."""
    ApiKey.objects.of(key.account_id).filter(pk=key.pk, revoked_at=None).update(revoked_at=timezone.now())


def check(shown: str) -> Client:
    """The client behind a key, or `Refused`."""
    prefix, secret = parts(shown)
    return check_pair(prefix, secret)


def check_pair(prefix: str, secret: str) -> Client:
    stored, now = look_up(prefix), timezone.now()
    if not stored.has(secret, now) or stored.kind != ApiKey.Kind.BEARER:
        raise Refused
    return accept(stored, now)


def consumer(prefix: str) -> tuple[Client, tuple[str, ...]]:
    """The client of a consumer key and the secrets its calls may be signed with, newest first; or `Refused`.

    Nothing is proven yet: whoever checks the signature calls `note_use` after that.
    """
    stored, now = look_up(prefix), timezone.now()
    if stored.kind != ApiKey.Kind.MAILPLUS or not stored.is_live(now):
        raise Refused
    with scope.everything("the secrets of a consumer key"):
        kept = ApiKey.objects.get(pk=stored.key_id).secrets
    found = [kept.reveal("current")]
    if stored.previous_works(now) and "previous" in kept:
        found.append(kept.reveal("previous"))
    return to_client(stored), tuple(found)


def living(prefix: str) -> Client:
    """The client of a key that works at this moment, without its secret: for replays of its own calls. Or Refused."""
    stored = look_up(prefix)
    if not stored.is_live(timezone.now()):
        raise Refused
    return to_client(stored)


def look_up(prefix: str) -> Stored:
    with scope.everything("look-up of an API key"), connection.cursor() as cursor:
        cursor.execute(LOOK_UP, [prefix])
        return Stored(*cursor.fetchone())


def accept(stored: Stored, now: datetime) -> Client:
    """The client of a key whose secret was shown, if the key still works."""
    if not stored.is_live(now):
        raise Refused(stored)
    client = to_client(stored)
    if stored.last_used_at is None or now - stored.last_used_at >= USE_NOTED_EVERY:
        note_use(client, now)
    return client


def to_client(stored: Stored) -> Client:
    if stored.key_id is None or stored.account_id is None:
        raise Refused
    return Client(
        key_id=stored.key_id,
        account_id=stored.account_id,
        prefix=stored.prefix or "",
        label=stored.label or "",
        scopes=frozenset(stored.scopes or ()),
        networks=tuple(stored.networks or ()),
    )


def note_use(client: Client, now: datetime) -> None:
    """At most one write a minute, also when many requests arrive at once."""
    with scope.account(client.account_id):
        ApiKey.objects.filter(pk=client.key_id).exclude(last_used_at__gt=now - USE_NOTED_EVERY).update(
            last_used_at=now
        )
