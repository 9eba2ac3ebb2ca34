"""What a plan found, in numbers."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from uuid import UUID

SAMPLES = 20  # people per class, to be looked at by whoever approves
CLASSES = ("added", "changed", "renamed", "unchanged", "leaving", "withdrawn")
CLASS_OF = {
    "create": "added",
    "restore": "added",
    "update": "changed",
    "keep": "unchanged",
    "leave": "leaving",
    "withdrawn": "withdrawn",
}
SET_ASIDE = ("quarantined", "rejected_before")  # until a person says so, or they change
GUARD = (
    *("applies", "too_many", "is_empty", "leavers_wait"),
    *("staying", "leaving", "leaving_anew", "on_list", "people_hash"),
)


class Row(NamedTuple):
    """What the plan's statement answers with; `what` says which of the columns mean something."""

    what: str
    verdict: str
    reason: str
    run_id: UUID
    belongs: bool
    moved: bool
    people: int
    ids: list[int] | None


@dataclass(slots=True)
class Planned:
    """What a plan found. `superseded`: {(run, operation): people whose waiting operation this plan took over}.

    `applies`: it was written; else a person has to say so. `people_hash` is that of the people; `counts` and
    `samples` are as `Run.plan` keeps them. `leavers_wait`: the guard left those who left alone; `leaving_anew` were
    not on their way off already.
    """

    checked: int = 0
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    removals: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    superseded: Counter[tuple[UUID, str]] = field(default_factory=Counter)
    applies: bool = True
    too_many: bool = False
    is_empty: bool = False
    leavers_wait: bool = False
    staying: int = 0
    leaving: int = 0
    leaving_anew: int = 0
    on_list: int = 0
    people_hash: str = ""
    counts: dict[str, Any] = field(default_factory=dict)
    samples: dict[str, list[int]] = field(default_factory=dict)

    @property
    def due(self) -> int:
        return self.created + self.updated + self.removals

    @property
    def touches_nobody(self) -> bool:
        return not (self.checked or self.removals or self.superseded or self.leavers_wait)


def to_planned(rows: Iterable[Row]) -> Planned:
    found = Planned()
    counts: Counter[str] = Counter()
    withheld: Counter[str] = Counter()
    for row in rows:
        if row.what == "guard":
            _read_guard(found, json.loads(row.verdict))
        elif row.what == "superseded":
            found.superseded[row.run_id, row.verdict] += row.people
        elif row.what == "unchanged":
            found.samples["unchanged"] = list(row.ids or ())
        elif row.what == "samples":
            _keep_samples(found, row)
        else:
            _count(found, row)
            (withheld if row.verdict in ("off", *SET_ASIDE) else counts)[class_of(row)] += row.people
    found.counts = {**{name: counts[name] for name in CLASSES}, "withheld": _without_leavers(withheld)}
    return found


def class_of(row: Row) -> str:
    """How the plan shows the group: a class, or the reason of who is withheld; empty for who is not shown."""
    if row.moved:
        return "renamed"
    if row.verdict in SET_ASIDE:
        return row.verdict
    return CLASS_OF.get(row.verdict, row.reason)


def _without_leavers(withheld: Counter[str]) -> dict[str, int]:
    return {reason: people for reason, people in withheld.items() if reason}


def _keep_samples(found: Planned, row: Row) -> None:
    name = class_of(row)
    if name and row.ids:
        kept = found.samples.setdefault(name, [])
        kept += row.ids[: SAMPLES - len(kept)]


def _read_guard(found: Planned, guard: dict[str, Any]) -> None:
    for name in GUARD:
        setattr(found, name, guard[name])


def _count(found: Planned, row: Row) -> None:
    """The books of the run: people on the one hand, removals on the other."""
    if row.belongs:
        found.checked += row.people
        reason = row.verdict if row.verdict in SET_ASIDE else row.reason
        if reason:
            found.skipped[reason] += row.people
    if row.verdict in ("leave", "withdrawn"):
        found.removals += row.people
    elif row.verdict in ("create", "restore"):
        found.created += row.people
    elif row.verdict == "update":
        found.updated += row.people
    elif row.verdict == "keep":
        found.unchanged += row.people
