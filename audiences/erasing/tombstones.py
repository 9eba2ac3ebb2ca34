"""Who was erased, as HMACs: what comes in for them is refused."""

from __future__ import annotations

from typing import Any

from audiences.models import Erasure, Suppression
from audiences.suppressions import to_hmac

BURY = """
INSERT INTO audiences_erasure (account_id, kind, value_hmac, erased_at)
VALUES (%(account)s, %(kind)s, %(hmac)s, %(now)s) ON CONFLICT (account_id, kind, value_hmac) DO NOTHING
"""
SUPPRESS = """
INSERT INTO audiences_suppression AS s (account_id, address_hmac, reason, source, created_at)
VALUES (%(account)s, %(hmac)s, 'erasure', %(source)s, %(now)s)
ON CONFLICT (account_id, address_hmac) DO UPDATE SET reason = 'erasure' WHERE s.reason <> 'erasure'
"""


def bury(
    cursor: Any,
    params: dict[str, Any],
    *,
    external_id: str | None = None,
    email: str | None = None,
    email_sha256: str | None = None,
) -> None:
    """Remember who never comes back; needs `account`, `source` and `now`."""
    kinds = Erasure.Kind
    graves = {kinds.EXTERNAL_ID: external_id, kinds.EMAIL: email, kinds.EMAIL_SHA256: email_sha256}
    for kind, value in graves.items():
        if value is not None:
            cursor.execute(BURY, {**params, "kind": kind, "hmac": to_hmac(value)})
    if email is not None:
        cursor.execute(SUPPRESS, {**params, "hmac": to_hmac(email)})


def is_erased(account_id: int, *, external_id: str) -> bool:
    """Whether this external id is that of somebody erased."""
    rows = Erasure.objects.of(account_id).filter(kind=Erasure.Kind.EXTERNAL_ID)
    return bool(rows.filter(value_hmac=to_hmac(external_id)).exists())


def is_erased_address(account_id: int, email: str) -> bool:
    """Of a normalised address."""
    rows = Suppression.objects.of(account_id).filter(reason=Suppression.Reason.ERASURE)
    return bool(rows.filter(address_hmac=to_hmac(email)).exists())
