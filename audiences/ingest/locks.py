"""Who waits for whom. Order everywhere: people of the account, audience, profiles by id, members, audience rows.

- The people of an account: shared by whoever refers to them, exclusive by whoever deletes some, so that a
  reference is checked once per statement and holds until the commit (`syncapp.database.references`).
- An audience: exclusive by whoever changes its members.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from audiences.models import Profile
from syncapp.database.references import LOCK_KEY

PEOPLE = LOCK_KEY.format(target=Profile._meta.db_table, account="%(account)s")
AUDIENCE = "pg_advisory_xact_lock(hashtextextended('audience:' || {id}, 0))"


def people(alone: bool) -> str:
    """SQL that waits for the people of `%(account)s`."""
    return f"{'pg_advisory_xact_lock' if alone else 'pg_advisory_xact_lock_shared'}({PEOPLE})"


def lock_audiences(cursor: Any, audience_ids: Iterable[int]) -> None:
    """Wait for the members of these audiences, in one order. Held until the transaction ends."""
    for audience_id in sorted(set(audience_ids)):
        cursor.execute(f"SELECT {AUDIENCE.format(id='%s::bigint')}", [audience_id])
