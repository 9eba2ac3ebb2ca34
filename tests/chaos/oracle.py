"""What the ESP's lists should hold, worked out from what was pushed. Plain Python; nothing of the engine is asked.

A wish is a push that changed what a list should hold of somebody; every wish has values nobody had before. An effect
is an entry of the ESP's journal. Doubled is an effect that nobody asked for a second time: the same entry twice at
one address (an old request after a newer one, or a person added who was there), or more effects on a person than
there were wishes about them (two for a move, which may be a rename and an update, or an addition and a removal).

Somebody who left a list that unsubscribes leavers, and came back, may stay off where the answer to our unsubscribe
was lost: the engine then cannot know whether they did it themselves, and puts nobody back against their own word.
They are told apart as kept off, not as lost.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

AUDIENCES_FIELD = "Groups"
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
CLEARED = Standing("cleared")  # on or off, but the field that names their audiences is empty
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
    left: set[str] = field(default_factory=set)

    def standing(self, export: Export) -> Standing:
        if self.has_withdrawn or not self.address:
            return OFF
        if not self.audiences & export.audiences:
            return {"keep": ANY, "clear": CLEARED}.get(export.leavers, OFF)
        values = {"City": self.properties.get("city"), "Points": self.properties.get("points")}
        if export.leavers == "clear":
            values[AUDIENCES_FIELD] = ", ".join(sorted(self.audiences & export.audiences))
        shown = tuple((key, "" if value is None else str(value)) for key, value in values.items())
        return Standing("on", self.address, str(self.properties.get("first_name", "")), shown)


@dataclass
class Verdict:
    """Addresses, per kind of mistake."""

    lost: list[str] = field(default_factory=list)
    kept_off: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    differing: list[str] = field(default_factory=list)


class Oracle:
    """People of one account, its exports, and the wishes so far."""

    def __init__(self, exports: Sequence[Export]) -> None:
        self.exports = exports
        self.people: dict[int, Person] = {}
        self.wishes: Counter[tuple[str, int]] = Counter()

    def note(self, person: Person, **changes: Any) -> None:
        """One push about the person: `address`, `audiences`, `properties`, `has_withdrawn` as they are then."""
        self.people[person.number] = person
        before = {export: person.standing(export) for export in self.exports}
        moves = changes.get("address", person.address) != person.address
        for name, value in changes.items():
            setattr(person, name, value)
        if person.address not in person.addresses:
            person.addresses.append(person.address)
        for export in self.exports:
            after = person.standing(export)
            if after != before[export]:
                self.wishes[export.list_id, person.number] += 1
            if moves:
                self.wishes[export.list_id, person.number] += 1
            if before[export].state == "on" and after.state != "on":
                person.left.add(export.list_id)

    def judge(
        self, rows: Mapping[str, Iterable[Mapping[str, Any]]], journals: Mapping[str, Mapping[str, list[str]]]
    ) -> Verdict:
        """`rows`: the ESP's people per list id; `journals`: per list id, effects per address in their order."""
        verdict = Verdict()
        for export in self.exports:
            held = {str(row["email"]).lower(): row for row in rows[export.list_id]}
            for person in self.people.values():
                self._judge_person(export, person, held, verdict)
                self._judge_effects(export, person, journals[export.list_id], verdict)
            known = {address for person in self.people.values() for address in person.addresses}
            verdict.differing += [f"{address}: pushed by nobody" for address in held.keys() - known]
        return verdict

    def _judge_effects(
        self, export: Export, person: Person, journals: Mapping[str, list[str]], verdict: Verdict
    ) -> None:
        effects = 0
        for address in person.addresses:
            entries = [entry for entry in journals.get(address, []) if not entry.startswith("renamed_away")]
            effects += len(entries)
            values = [entry for entry in entries if ":" in entry]
            if len(set(values)) < len(values):
                verdict.doubled.append(f"{address}: {' '.join(entries)} ({export.leavers})")
        wishes = self.wishes[export.list_id, person.number]
        if effects > wishes:
            verdict.doubled.append(
                f"{person.address}: {effects} effects of {wishes} wishes ({export.leavers})"
            )

    def _judge_person(
        self, export: Export, person: Person, held: Mapping[str, Mapping[str, Any]], verdict: Verdict
    ) -> None:
        wanted = person.standing(export)
        active = {at for at in person.addresses if at in held and held[at]["state"] not in NOBODY_IS_MAILED}
        if wanted.state == "on" and wanted.address not in active:
            stands = held.get(wanted.address, {}).get("state", "absent")
            are_off = [at for at in person.addresses if held.get(at, {}).get("state") == "Unsubscribed"]
            came_back = export.leavers == "unsubscribe" and export.list_id in person.left
            of_kind = verdict.kept_off if came_back and are_off else verdict.lost
            of_kind.append(f"{wanted.address}: {stands} ({export.leavers})")
        elif wanted.state == "on":
            row = held[wanted.address]
            shown = tuple((key, str(row["fields"].get(key) or "")) for key, _ in wanted.values)
            if (row["name"], shown) != (wanted.name, wanted.values):
                verdict.differing.append(f"{wanted.address}: {row['name']} {shown}, not {wanted}")
        if wanted.state == "on":
            verdict.differing += [f"{at}: still there, moved away" for at in active - {wanted.address}]
        elif wanted.state == "cleared":
            named = [at for at in active if held[at]["fields"].get(AUDIENCES_FIELD)]
            verdict.differing += [f"{at}: left, and the field says otherwise" for at in named]
        elif wanted.state == "off":
            why = "withdrew" if person.has_withdrawn else "left"
            verdict.differing += [f"{at}: still there, {why} ({export.leavers})" for at in active]
