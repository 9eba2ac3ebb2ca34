"""What uses an audience, and keeps it from being deleted or emptied by a call.

Whoever uses one registers here, so that this package never names its users: goals do; rules of other audiences,
mailings, automailers, journeys and content blocks will when they exist.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from audiences.models import Audience

Kind = Literal["goal", "connection", "audience", "mailing", "automailer", "journey", "content_block"]


@dataclass(frozen=True, slots=True)
class Use:
    """`url` is an absolute path to the page where the use can be ended."""

    kind: Kind
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


def blocking(uses: Iterable[Use]) -> list[Use]:
    return [use for use in uses if use.blocks_delete]


class InUse(Exception):
    """`uses` are all of them, also those that do not block."""

    def __init__(self, uses: list[Use]) -> None:
        super().__init__(in_words(len(blocking(uses))))
        self.uses = uses


def refuse_in_use(audience: Audience) -> None:
    uses = uses_of(audience)
    if blocking(uses):
        raise InUse(uses)


def in_words(count: int) -> str:
    return "1 object uses this audience." if count == 1 else f"{count} objects use this audience."
