"""Guessing is slow: so many tries a minute per address and client id, whoever is right among them.

A try is counted before it is checked, or parallel ones would all pass; a right one is given back.
"""

from __future__ import annotations

import hashlib
import math
from datetime import timedelta

from django.db import connection
from django.utils import timezone

from syncapp.api.models import FailedAttempts

MOST = 30
WINDOW_S = 60

BEGIN = """
INSERT INTO api_failedattempts AS stored (who_sha256, started_at, failures)
VALUES (%(who)s, statement_timestamp(), 1)
ON CONFLICT (who_sha256) DO UPDATE SET
    failures = CASE WHEN stored.started_at > EXCLUDED.started_at - %(window)s::interval
        THEN least(stored.failures, %(most)s) + 1 ELSE 1 END,
    started_at = CASE WHEN stored.started_at > EXCLUDED.started_at - %(window)s::interval
        THEN stored.started_at ELSE EXCLUDED.started_at END
RETURNING failures, extract(epoch FROM started_at + %(window)s::interval - statement_timestamp())::float8
"""
FORGIVE = "UPDATE api_failedattempts SET failures = greatest(failures - 1, 0) WHERE who_sha256 = %s"


def begin(*who: str) -> int:
    """Count a try. 0, or the seconds to wait because there were too many."""
    values: dict[str, bytes | str | int] = {
        "who": to_hash(who),
        "window": f"{WINDOW_S} seconds",
        "most": MOST,
    }
    with connection.cursor() as cursor:
        cursor.execute(BEGIN, values)
        failures, left_s = cursor.fetchone()
    return max(math.ceil(left_s), 1) if failures > MOST else 0


def forgive(*who: str) -> None:
    """The try was right: it does not count."""
    with connection.cursor() as cursor:
        cursor.execute(FORGIVE, [to_hash(who)])


def to_hash(who: tuple[str, ...]) -> bytes:
    return hashlib.sha256("\n".join(who).encode()).digest()


def forget_old() -> int:
    deleted, _ = FailedAttempts.objects.filter(
        started_at__lt=timezone.now() - timedelta(seconds=WINDOW_S)
    ).delete()
    return deleted
