"""A signed call is taken once."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection
from django.utils import timezone

from audiences.compat.mailplus.oauth import Signed
from syncapp.accounts import scope
from syncapp.accounts.keys import Client
from syncapp.api.models import UsedNonce

SKEW_S = 300

# Each call also forgets a few of its key's old ones, so that the table stays as small as a few minutes' calls.
TAKE = """
WITH old AS (
    SELECT id FROM api_usednonce
    WHERE account_id = %(account)s AND key_id = %(key)s AND expires_at < statement_timestamp()
    LIMIT 5 FOR UPDATE SKIP LOCKED
), forgotten AS (
    DELETE FROM api_usednonce WHERE account_id = %(account)s AND id IN (SELECT id FROM old)
)
INSERT INTO api_usednonce (account_id, key_id, nonce_sha256, expires_at)
VALUES (%(account)s, %(key)s, %(nonce)s, %(expires_at)s)
ON CONFLICT (account_id, key_id, nonce_sha256) DO NOTHING
"""


def forget_old() -> int:
    """Of keys that do not call any more, for the accounts in scope. Returns how many."""
    return int(UsedNonce.objects.filter(expires_at__lt=timezone.now())._raw_delete("default"))


def is_timely(signed: Signed, now: datetime) -> bool:
    return abs(now.timestamp() - signed.timestamp_s) <= SKEW_S


def take(client: Client, signed: Signed) -> bool:
    """Whether the nonce is new. Outside any transaction, so that it stays used whatever becomes of the call."""
    stamp = f"{signed.timestamp_s}:{signed.nonce}".encode()
    sent_at = datetime.fromtimestamp(signed.timestamp_s, UTC)
    values: dict[str, Any] = {
        "account": client.account_id,
        "key": client.key_id,
        "nonce": hashlib.sha256(stamp).digest(),
        "expires_at": sent_at + timedelta(seconds=SKEW_S + 60),
    }
    with scope.account(client.account_id), connection.cursor() as cursor:
        cursor.execute(TAKE, values)
        return bool(cursor.rowcount == 1)
