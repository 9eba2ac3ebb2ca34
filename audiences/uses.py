"""What uses an audience. Whoever uses one registers here, so that this package never names its users."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
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
Counter = Callable[[Collection[int]], Mapping[int, int]]
_finders: list[Finder] = []
_counters: list[Counter] = []


def register(finder: Finder) -> Finder:
    _finders.append(finder)
    return finder


def register_counter(counter: Counter) -> Counter:
    """For lists: {audience id: uses} of many audiences in one query."""
    _counters.append(counter)
    return counter


def counts_of(audience_ids: Collection[int]) -> dict[int, int]:
    found = [counter(audience_ids) for counter in _counters]
    return {one: sum(counts.get(one, 0) for counts in found) for one in audience_ids}


def uses_of(audience: Audience) -> list[Use]:
    """Every use of the audience, from all registered finders."""
    return [use for finder in _finders for use in finder(audience)]
