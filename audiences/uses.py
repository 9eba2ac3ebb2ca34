"""What uses an audience. Whoever uses one registers here, so that this package never names its users."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from audiences.models import Audience


@dataclass(frozen=True, slots=True)
class Use:
    kind: str
    id: str
    name: str
    state: str
    url: str
    blocks_delete: bool = True


Finder = Callable[[Audience], Iterable[Use]]
_finders: list[Finder] = []


def register(finder: Finder) -> Finder:
    _finders.append(finder)
    return finder


def uses_of(audience: Audience) -> list[Use]:
    """Every use of the audience, from all registered finders."""
    return [use for finder in _finders for use in finder(audience)]
