"""The change feed's writing end."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import connection
from django.utils import timezone

from audiences.models import Change


@dataclass(frozen=True, slots=True)
class Reaction:
    """`react` is called with the account's id inside the transaction that changed people.

    `only_if`: a condition in SQL about `%(account)s` without which nothing is to be done. It is asked before anything
    is changed, together with others, so that a small call does not wait for each of them.
    """

    react: Callable[[int], None]
    only_if: str = "true"


changed: list[Reaction] = []


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


def tell_changed(account_id: int, wanted: Sequence[bool] | None = None) -> None:
    """`wanted`: what `conditions` came to, where the caller asked already."""
    if wanted is None:
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT {conditions()}", {"account": account_id})
            (wanted,) = cursor.fetchone()
    for reaction, is_wanted in zip(changed, wanted, strict=True):
        if is_wanted:
            reaction.react(account_id)


def conditions() -> str:
    """SQL: for each reaction, whether it is wanted."""
    return f"ARRAY[{', '.join(reaction.only_if for reaction in changed)}]::boolean[]"
