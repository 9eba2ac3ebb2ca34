"""Who else has rows about people. They register, so that this package never names them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

Busy = Callable[[int, int], list[str]]
Forget = Callable[[int, int], list[str]]


@dataclass(frozen=True, slots=True)
class Keeper:
    """Somebody else who has rows about people.

    `busy(account id, profile id)` names, in words for staff, where the person still has to be taken off;
    `forget` deletes every row about them, in the caller's transaction, and names where they may still be.
    """

    busy: Busy
    forget: Forget


keepers: list[Keeper] = []


def register(busy: Busy, forget: Forget) -> None:
    keepers.append(Keeper(busy, forget))
