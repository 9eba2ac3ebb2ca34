"""What the ESP's lists should hold, worked out from what was pushed. Plain Python; nothing of the engine is asked.

A wish is a push that changed what a list should hold of somebody. Each wish may change the ESP once at an address
(also at those left behind); an effect without a wish is a doubled one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

NOBODY_IS_MAILED = ("Unsubscribed", "Deleted", "Bounced")


@dataclass(frozen=True)
class Export:
    """One goal as the oracle sees it: people in any of the audiences, on one list; `leavers` as on the goal."""

    list_id: str
    audiences: frozenset[str]
    leavers: str


@dataclass(frozen=True)
class Standing:
    """How a list should hold a person: on, off, or as it happens to be ("any")."""

    state: str
    address: str = ""
    name: str = ""
    values: tuple[tuple[str, str], ...] = ()


OFF = Standing("off")
ANY = Standing("any")


@dataclass
class Person:
    """All that was said of one person, the latest word."""

    number: int
    address: str = ""
    addresses: list[str] = field(default_factory=list)
    audiences: set[str] = field(default_factory=set)
    properties: dict[str, Any] = field(default_factory=dict)
    has_withdrawn: bool = False

    def standing(self, export: Export) -> Standing:
        if self.has_withdrawn or not self.address:
            return OFF
        if not self.audiences & export.audiences:
            return ANY if export.leavers in ("keep", "clear") else OFF
        values = {"City": self.properties.get("city"), "Points": self.properties.get("points")}
        shown = tuple((key, "" if value is None else str(value)) for key, value in values.items())
        return Standing("on", self.address, str(self.properties.get("first_name", "")), shown)


@dataclass
class Verdict:
    """Addresses, per kind of mistake; `wishes` and effects are compared per list and address."""

    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    differing: list[str] = field(default_factory=list)


class Oracle:
    """People of one account, its exports, and the wishes so far."""

    def __init__(self, exports: Sequence[Export]) -> None:
        self.exports = exports
        self.people: dict[int, Person] = {}
        self.wishes: Counter[tuple[str, str]] = Counter()

    def note(self, person: Person, **changes: Any) -> None:
        """One push about the person: `address`, `audiences`, `properties`, `has_withdrawn` as they are then."""
        self.people[person.number] = person
        before = {export: person.standing(export) for export in self.exports}
        earlier = person.address
        for name, value in changes.items():
            setattr(person, name, value)
        if person.address not in person.addresses:
            person.addresses.append(person.address)
        for export in self.exports:
            if person.standing(export) != before[export]:
                stays = before[export].state == person.standing(export).state == "on"
                touched = {earlier, person.address} if stays else set(person.addresses)
                self.wishes.update({(export.list_id, address) for address in touched})

    def judge(
        self, rows: Mapping[str, Iterable[Mapping[str, Any]]], effects: Mapping[str, Mapping[str, int]]
    ) -> Verdict:
        """`rows`: the ESP's people per list id; `effects`: per list id, changes of state per address."""
        verdict = Verdict()
        for export in self.exports:
            held = {str(row["email"]).lower(): row for row in rows[export.list_id]}
            for person in self.people.values():
                self._judge_person(export, person, held, verdict)
            known = {address for person in self.people.values() for address in person.addresses}
            verdict.differing += [f"{address}: pushed by nobody" for address in held.keys() - known]
            for address, times in effects[export.list_id].items():
                if times > self.wishes[export.list_id, address]:
                    wishes = self.wishes[export.list_id, address]
                    verdict.doubled.append(
                        f"{address}: {times} effects of {wishes} wishes ({export.leavers})"
                    )
        return verdict

    def _judge_person(
        self, export: Export, person: Person, held: Mapping[str, Mapping[str, Any]], verdict: Verdict
    ) -> None:
        wanted = person.standing(export)
        active = {at for at in person.addresses if at in held and held[at]["state"] not in NOBODY_IS_MAILED}
        if wanted.state == "on" and wanted.address not in active:
            stands = held.get(wanted.address, {}).get("state", "absent")
            verdict.lost.append(f"{wanted.address}: {stands} ({export.leavers})")
        elif wanted.state == "on":
            row = held[wanted.address]
            shown = tuple((key, str(row["fields"].get(key) or "")) for key, _ in wanted.values)
            if (row["name"], shown) != (wanted.name, wanted.values):
                verdict.differing.append(f"{wanted.address}: {row['name']} {shown}, not {wanted}")
        if wanted.state == "on":
            verdict.differing += [f"{at}: still there, moved away" for at in active - {wanted.address}]
        elif wanted.state == "off":
            why = "withdrew" if person.has_withdrawn else "left"
            verdict.differing += [f"{at}: still there, {why} ({export.leavers})" for at in active]
