"""How an audience came to be what it is: when people joined and left, and how many there were each day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Literal

from django.db import connection
from django.utils import timezone

from audiences.models import Audience

Place = tuple[datetime, int]
KEPT_DAYS = 400
PAGE = 100

# The bounds come first: arrays lie outside the row, and are fetched only where the person can be in them.
OF_MEMBER = """
SELECT id, at, source, was_added FROM (
    SELECT id, at, source, %(profile)s = ANY (added) AS was_added, %(profile)s = ANY (removed) AS was_removed
    FROM audiences_membershipchange
    WHERE account_id = %(account)s AND audience_id = %(audience)s
        AND lowest <= %(profile)s AND highest >= %(profile)s
        AND (%(before_at)s::timestamptz IS NULL
            OR (at, id) < (%(before_at)s::timestamptz, %(before_id)s::bigint))
) change
WHERE was_added OR was_removed ORDER BY at DESC, id DESC LIMIT %(limit)s
"""

SIZES = """
SELECT day, members FROM audiences_audiencesize
WHERE account_id = %(account)s AND audience_id = %(audience)s AND day > %(after)s ORDER BY day
"""


@dataclass(frozen=True, slots=True)
class Moved:
    """One time a person joined or left. `source` is who said so, as in Member.source; (`at`, `id`) its place."""

    id: int
    at: datetime
    change: Literal["added", "removed"]
    source: str


def of_member(
    audience: Audience, profile_id: int, *, before: Place | None = None, limit: int = PAGE
) -> list[Moved]:
    """The latest first, of the last 400 days; `before` is the place of the last one of the page before."""
    params: dict[str, Any] = {
        "account": audience.account_id,
        "audience": audience.pk,
        "profile": profile_id,
        "before_at": None if before is None else before[0],
        "before_id": None if before is None else before[1],
        "limit": limit,
    }
    with connection.cursor() as cursor:
        cursor.execute(OF_MEMBER, params)
        rows = cursor.fetchall()
    return [
        Moved(id_, at, "added" if was_added else "removed", source) for id_, at, source, was_added in rows
    ]


def sizes(audience: Audience, days: int = 90) -> list[tuple[date, int]]:
    """(day, members at its end) for the last days, oldest first; days without a change are left out."""
    after = timezone.now().date() - timedelta(days=days)
    params: dict[str, Any] = {"account": audience.account_id, "audience": audience.pk, "after": after}
    with connection.cursor() as cursor:
        cursor.execute(SIZES, params)
        return [(day, members) for day, members in cursor.fetchall()]
