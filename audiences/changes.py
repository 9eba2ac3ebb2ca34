"""The change feed's writing end."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime

from django.utils import timezone

from audiences.models import Change

# Called with the account's id inside the transaction that changed people; whoever reacts to changes registers.
changed: list[Callable[[int], None]] = []


def record_change(
    *, account_id: int, profile_ids: Iterable[int], origin: str = "", now: datetime | None = None
) -> Change | None:
    """Note that these people changed and tell whoever reacts. Inside the caller's transaction; None for nobody."""
    people = sorted(set(profile_ids))
    if not people:
        return None
    change: Change = Change.objects.create(
        account_id=account_id, profile_ids=people, origin=origin[:100], created_at=now or timezone.now()
    )
    tell_changed(account_id)
    return change


def tell_changed(account_id: int) -> None:
    for react in changed:
        react(account_id)
