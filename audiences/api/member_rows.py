"""Members as rows, and as the API shows them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection

from audiences.api.wire import MemberContact, MemberOut
from audiences.models import Audience
from audiences.models.audience import ADDED_SINCE

FIELDS = ("contact", "added_at", "last_change_at", "source")

# The page is cut before anybody is looked up. Both orders follow an index, of which the one by time is used only where
# its own condition is said (`ADDED_SINCE`); the floor is everybody's last change.
PAGE = """
SELECT m.profile_id, p.external_id, p.email, m.added_at, greatest(m.changed_at, %(floor)s::timestamptz), m.source
FROM (
    SELECT profile_id, added_at, changed_at, source FROM audiences_member
    WHERE account_id = %(account)s AND audience_id = %(audience)s AND {members} {{conditions}}
    ORDER BY {order} LIMIT %(limit)s
) m
LEFT JOIN audiences_profile p ON p.account_id = %(account)s AND p.id = m.profile_id
ORDER BY {shown}
"""
BY_ID = PAGE.format(members="state = 'member'", order="profile_id", shown="m.profile_id")
BY_TIME = PAGE.format(
    members=f"state = 'member' AND added_at >= timestamptz '{ADDED_SINCE.isoformat()}'",
    order="added_at, profile_id",
    shown="m.added_at, m.profile_id",
)

ONE = """
SELECT p.id, p.external_id, p.email, m.added_at, greatest(m.changed_at, %(floor)s::timestamptz), m.source, m.state
FROM audiences_profile p
LEFT JOIN audiences_member m
    ON m.account_id = %(account)s AND m.audience_id = %(audience)s AND m.profile_id = p.id
WHERE p.account_id = %(account)s AND p.external_id = %(external_id)s
"""

WAITING = """
SELECT greatest(changed_at, %(floor)s::timestamptz), source, expires_at FROM audiences_pending
WHERE account_id = %(account)s AND audience_id = %(audience)s AND kind = 'external_id' AND value = %(external_id)s
"""


@dataclass(frozen=True, slots=True)
class Row:
    """A person and their membership. Who never was a member has no times; `is_member` also tells who was."""

    profile_id: int
    external_id: str | None
    email: str | None
    added_at: datetime
    last_change_at: datetime
    source: str
    state: str | None = "member"

    @property
    def is_member(self) -> bool:
        return self.state == "member"


@dataclass(frozen=True, slots=True)
class Waiting:
    """What waits for somebody nobody knows yet."""

    last_change_at: datetime
    source: str
    expires_at: datetime


def read_page(audience: Audience, sql: str, conditions: str, params: Mapping[str, Any]) -> list[Row]:
    """`sql` is BY_ID or BY_TIME, `conditions` more of its WHERE; `params` has their values and the limit."""
    with connection.cursor() as cursor:
        cursor.execute(sql.format(conditions=conditions), {**_params(audience), **params})
        return [Row(*row) for row in cursor.fetchall()]


def find(audience: Audience, external_id: str) -> Row | None:
    """The person of this external id as they stand in the audience; None where nobody is known by it."""
    with connection.cursor() as cursor:
        cursor.execute(ONE, {**_params(audience), "external_id": external_id})
        row = cursor.fetchone()
    return None if row is None else Row(*row)


def find_waiting(audience: Audience, external_id: str) -> Waiting | None:
    with connection.cursor() as cursor:
        cursor.execute(WAITING, {**_params(audience), "external_id": external_id})
        row = cursor.fetchone()
    return None if row is None else Waiting(*row)


def to_member(row: Row, fields: tuple[str, ...] = FIELDS) -> MemberOut:
    values: dict[str, Any] = {
        "contact": MemberContact(row.external_id, row.email, str(row.profile_id)),
        "added_at": row.added_at,
        "last_change_at": row.last_change_at,
        "source": row.source,
    }
    return MemberOut(**{name: values[name] for name in fields})


def _params(audience: Audience) -> dict[str, Any]:
    return {"account": audience.account_id, "audience": audience.pk, "floor": audience.replaced_at}
