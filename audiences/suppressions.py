"""Addresses that are never mailed for an account. Only their HMAC is kept, so that they survive an erasure.

HMAC-SHA256 over the normalised address, keyed by SYNCAPP_ADDRESS_KEY: a plain hash of an address is found by
trying addresses. The key is not SECRET_KEY, which may be changed at any time; after a change of this one no stored
address would be recognised. Python and SQL give the same bytes. The SQL carries pads made from the key, so
statements with it belong in no log (PostgreSQL's `log_min_duration_statement` shows them).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from audiences.addresses import normalise
from audiences.changes import record_change
from audiences.models import Profile, Suppression
from syncapp.accounts.models import Account

BLOCK_BYTES = 64  # of SHA-256, RFC 2104


def to_hmac(address: str) -> bytes:
    """32 bytes of a normalised address."""
    return hmac.digest(_key(settings.ADDRESS_KEY), address.encode(), "sha256")


def hmac_sql(expression: str, parameters: dict[str, Any]) -> str:
    """SQL for the same bytes of a normalised address in an expression of type text; NULL stays NULL.

    Adds the parameters it needs.
    """
    parameters["address_inner"], parameters["address_outer"] = _pads(settings.ADDRESS_KEY)
    inner = f"sha256(%(address_inner)s::bytea || convert_to({expression}, 'UTF8'))"
    return f"sha256(%(address_outer)s::bytea || {inner})"


def suppressed_sql(email: str, parameters: dict[str, Any]) -> str:
    """SQL that is true where the address in the expression `email` is suppressed in the account `%(account)s`.

    Adds the other parameters it needs. Written as IN, so that it is planned as a hash look-up: under row-level
    security an index look-up by a computed value is not allowed. Cost: one HMAC per row, 1-2 µs.
    """
    return (
        f"coalesce({hmac_sql(email, parameters)} IN (SELECT suppression.address_hmac "  # noqa: S608
        "FROM audiences_suppression suppression WHERE suppression.account_id = %(account)s), false)"
    )


def is_suppressed(account: Account, address: str) -> bool:
    found: bool = Suppression.objects.of(account).filter(address_hmac=to_hmac(normalise(address))).exists()
    return found


@transaction.atomic
def suppress(account: Account, address: str, reason: str, source: str) -> bool:
    """Never mail the address again; True when it was not suppressed before. Raises InvalidAddress."""
    email = normalise(address)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO audiences_suppression (account_id, address_hmac, reason, source, created_at) "
            "VALUES (%s, %s, %s, %s, %s) ON CONFLICT (account_id, address_hmac) DO NOTHING",
            [account.pk, to_hmac(email), Suppression.Reason(reason), source[:100], timezone.now()],
        )
        added: bool = cursor.rowcount == 1
    if added:
        _record_change_of(account, email, source)
    return added


@transaction.atomic
def unsuppress(account: Account, address: str, source: str) -> bool:
    """Allow the address again, except after an erasure; True when it was suppressed. Raises InvalidAddress."""
    email = normalise(address)
    found = Suppression.objects.of(account).filter(address_hmac=to_hmac(email))
    removed: int = found.exclude(reason=Suppression.Reason.ERASURE).delete()[0]
    if removed:
        _record_change_of(account, email, source)
    return removed > 0


def _record_change_of(account: Account, email: str, source: str) -> None:
    people = Profile.objects.of(account).filter(email=email).values_list("pk", flat=True)
    record_change(account_id=account.pk, profile_ids=people, origin=source)


@lru_cache(maxsize=4)
def _key(written: str) -> bytes:
    return base64.b64decode(written)


@lru_cache(maxsize=4)
def _pads(written: str) -> tuple[bytes, bytes]:
    key = _key(written)
    block = hashlib.sha256(key).digest() if len(key) > BLOCK_BYTES else key
    padded = block.ljust(BLOCK_BYTES, b"\0")
    return bytes(byte ^ 0x36 for byte in padded), bytes(byte ^ 0x5C for byte in padded)
