"""The second step: the rows go, once nothing of the person has to be done any more."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.utils import timezone

from audiences.erasing import keepers as registry
from audiences.erasing.leaving import lock
from audiences.models import Profile

MOST_WAITED = timedelta(days=30)

DELETE = """
DELETE FROM audiences_profile WHERE account_id = %(account)s AND id = %(profile)s AND forgotten_at IS NOT NULL
"""


@dataclass(frozen=True, slots=True)
class Vanished:
    """`waits_for`: nothing was deleted yet because of these. `left_at`: gone here, but perhaps not there."""

    waits_for: tuple[str, ...] = ()
    left_at: tuple[str, ...] = ()


@transaction.atomic
def vanish(account_id: int, profile_id: int, now: datetime | None = None) -> Vanished:
    """The second step, as far as it can be done now. Harmless when repeated. Runs in the account's scope."""
    rows = Profile.objects.of(account_id).filter(pk=profile_id).exclude(forgotten_at=None)
    forgotten_at = rows.values_list("forgotten_at", flat=True).first()
    if forgotten_at is None:
        return Vanished()
    places = tuple(place for keeper in registry.keepers for place in keeper.busy(account_id, profile_id))
    if places and (now or timezone.now()) - forgotten_at < MOST_WAITED:
        return Vanished(waits_for=places)
    params = {"account": account_id, "profile": profile_id}
    with connection.cursor() as cursor:
        lock(cursor, params)
        left_at = [place for keeper in registry.keepers for place in keeper.forget(account_id, profile_id)]
        cursor.execute(DELETE, params)
    return Vanished(left_at=tuple(left_at))


def pause_s(forgotten_at: datetime, now: datetime | None = None) -> float:
    """How long to wait before looking again: a quarter of what was waited, from two seconds to an hour."""
    waited_s = ((now or timezone.now()) - forgotten_at).total_seconds()
    return min(3600.0, max(2.0, waited_s / 4))
