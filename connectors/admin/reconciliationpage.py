"""The page of a goal's reconciliations: the matrix, the differences, the trend, and the people behind each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse

from connectors import look
from connectors.admin.tools import given
from connectors.models import Finding, Goal, Reconciliation
from connectors.sync import words
from connectors.sync.reconciling.reading import PARTS
from connectors.sync.reconciling.repairing import REPAIRABLE

PER_PAGE = 50
HISTORY = 30
WIDTH, GAP, HEIGHT, LEAST = 10.0, 3.0, 60.0, 2.0

Kind, Side, Seen, State = Finding.Kind, Finding.Side, Finding.Seen, Reconciliation.State
SIDES = (Side.WANTED, Side.OURS, Side.OTHERS)


@dataclass(frozen=True, slots=True)
class Difference:
    """A kind of difference: what it means, what repairing it does ("" where nothing is), and who."""

    kind: str
    label: str
    meaning: str
    repair: str
    tone: str
    people: int
    url: str
    is_chosen: bool


# kind → (meaning, what the repair does, tone)
ABOUT: dict[str, tuple[str, str, str]] = {
    Kind.STATE: (
        "Unsubscribed, bounced, removed or suppressed there, and we did not know.",
        "Take over what the ESP says. An unsubscribe is recorded as withdrawn consent, at once.",
        "bad",
    ),
    Kind.MISSING: ("We put them there, and the list does not hold them any more.", "Add them again.", "bad"),
    Kind.FIELDS: ("The ESP holds other values than it accepted from us.", "Send them again.", "warn"),
    Kind.BACK: (
        "We noted them as gone; the ESP mails them again, and they agreed with us.",
        "Bring them up to date like everybody else.",
        "warn",
    ),
    Kind.STAYS: (
        "They are to be off, and the ESP mails them. Some may have come back by themselves: look first.",
        "Take them off again.",
        "warn",
    ),
    Kind.EXTRA: ("On the list, and not because of us.", "", "idle"),
}
ORDER = ("side", "seen", "kind", "number")
NOT_AT_FIRST = (Kind.STAYS,)  # not ticked: somebody should look at them

MOVING = {
    "due": "Waits to be sent",
    "changed": "Changed while the list was read",
    "unsure": "An answer of the ESP was lost",
    "unplanned": "Changed, and not planned yet",
}


@dataclass(frozen=True, slots=True)
class Cell:
    people: int
    differing: int
    url: str


@dataclass(frozen=True, slots=True)
class Row:
    label: str
    cells: list[Cell]
    total: int


def people_url(goal: Goal, **query: str) -> str:
    address = reverse("admin:connectors_goal_reconciled", args=[goal.pk])
    kept = {name: value for name, value in query.items() if value}
    return f"{address}?{urlencode(kept)}" if kept else address


def page(goal: Goal) -> dict[str, Any]:
    """`last` is the newest that compared; `current` the one under way, or the newest when it failed."""
    history = list(goal.reconciliations.select_related("requested_by", "repaired_by", "repair_run")[:HISTORY])
    last = next((one for one in history if one.compared_at is not None), None)
    newest = history[0] if history else None
    return {
        "history": history,
        "last": last,
        "current": newest if newest is not None and newest != last else None,
        "busy": newest is not None and newest.is_open,
        "reading": next((one for one in history if one.state in Reconciliation.READS), None),
        "rows": rows(goal, last) if last else [],
        "sides": [side.label for side in SIDES],
        "differences": differences(goal, last) if last else [],
        "fields": fields_words(goal, last) if last else "",
        "moving_url": people_url(goal, side=Side.MOVING),
        "may_repair": last is not None and last == newest and last.state == State.DONE,
        "chart": chart(history),
    }


def rows(goal: Goal, last: Reconciliation) -> list[Row]:
    """A row per state at the ESP, a cell per side; every cell leads to its people."""
    found = []
    for seen in Seen:
        cells = [cell(goal, last, side, seen) for side in SIDES]
        found.append(Row(seen.label, cells, sum(one.people for one in cells)))
    return found


def cell(goal: Goal, last: Reconciliation, side: str, seen: str) -> Cell:
    people, differing = last.matrix.get(side, {}).get(seen, (0, 0))
    return Cell(people, differing, people_url(goal, side=side, seen=seen))


def differences(goal: Goal, last: Reconciliation) -> list[Difference]:
    return [
        Difference(
            kind=kind,
            label=Kind(kind).label,
            meaning=meaning,
            repair=repair if kind in REPAIRABLE else "",
            tone=tone,
            people=last.differences[kind],
            url=people_url(goal, kind=kind),
            is_chosen=kind not in NOT_AT_FIRST,
        )
        for kind, (meaning, repair, tone) in ABOUT.items()
        if last.differences.get(kind)
    ]


def fields_words(goal: Goal, last: Reconciliation) -> str:
    return ", ".join(labels(goal, last.fields))


def labels(goal: Goal, keys: Sequence[str]) -> list[str]:
    """As staff know the list's fields."""
    known = dict(goal.mappings.exclude(target_label="").values_list("target", "target_label"))
    return [str(known.get(key) or key.strip("[]").capitalize()) for key in keys]


def reading_words(reconciliation: Reconciliation) -> str:
    """Where it stands."""
    if reconciliation.state == State.QUEUED:
        return "Waits for a worker."
    if reconciliation.state == State.READING:
        part = next((seen.label for seen in Seen if seen.value == reconciliation.part), "").lower()
        number = [state.value for state in PARTS].index(reconciliation.part) + 1 if part else len(PARTS)
        return f"Reading {part} people ({number} of {len(PARTS)})"
    return reconciliation.get_state_display()


# People


def people(goal: Goal, query: Mapping[str, str]) -> dict[str, Any]:
    """One page of findings of the last comparison, by key."""
    last = goal.reconciliations.exclude(compared_at=None).order_by("-queued_at").first()
    chosen = {
        "side": known(given(query, "side"), Side.values),
        "seen": known(given(query, "seen"), Seen.values),
        "kind": known(given(query, "kind"), Kind.values),
    }
    found, after = paged(last, chosen, given(query, "after")) if last else ([], "")
    keys = sorted({key for one in found for key in one.differing or ()})
    named = dict(zip(keys, labels(goal, keys), strict=True))
    for one in found:
        one.words = why_words(one, named)  # type: ignore[attr-defined]
    return {
        "last": last,
        "findings": found,
        "chosen": chosen,
        "chosen_words": chosen_words(chosen),
        "filters": filters(goal, last) if last else [],
        "next": people_url(goal, **chosen, after=after) if after else "",
        "first": people_url(goal, **chosen) if query.get("after") else "",
    }


def known(value: str, values: Sequence[str]) -> str:
    return value if value in values else ""


def paged(last: Reconciliation, chosen: Mapping[str, str], after: str) -> tuple[list[Finding], str]:
    """In the order of the key; of one kind by number, which has an index of its own."""
    rows = Finding.objects.filter(
        reconciliation=last, **{name: value for name, value in chosen.items() if value}
    )
    order = ["number"] if chosen["kind"] else [name for name in ORDER if not chosen.get(name)]
    *words_before, number = after.split(".")
    if number.isdecimal() and len(words_before) == len(order) - 1:
        table = Finding._meta.db_table
        columns = ", ".join(f"{table}.{name}" for name in order)
        marks = ", ".join(["%s"] * len(order))
        rows = rows.extra(  # noqa: S610  the ORM cannot compare rows; the values are parameters
            where=[f"({columns}) > ({marks})"], params=[*words_before, int(number[:9])]
        )
    found = list(rows.select_related("profile").order_by(*order)[: PER_PAGE + 1])
    if len(found) <= PER_PAGE:
        return found, ""
    return found[:PER_PAGE], ".".join(str(getattr(found[PER_PAGE - 1], name)) for name in order)


def filters(goal: Goal, last: Reconciliation) -> list[tuple[str, str, str]]:
    """(kind, label, address) of the differences there are, and of who was not compared."""
    found = [
        (kind, f"{Kind(kind).label} ({look.number(people)})", people_url(goal, kind=kind))
        for kind in ABOUT
        if (people := last.differences.get(kind, 0))
    ]
    if last.moving:
        found.append(
            ("moving", f"In movement ({look.number(last.moving)})", people_url(goal, side=Side.MOVING))
        )
    return found


def chosen_words(chosen: Mapping[str, str]) -> str:
    if chosen["kind"]:
        return str(Kind(chosen["kind"]).label)
    parts = []
    if chosen["side"]:
        parts.append(str(Side(chosen["side"]).label))
    if chosen["seen"]:
        parts.append(f"{Seen(chosen['seen']).label.lower()} at the ESP")
    return ", ".join(parts) or "Everybody"


def why_words(finding: Finding, named: Mapping[str, str]) -> str:
    """Why the person is where they are, by us."""
    if finding.side == Side.MOVING:
        return MOVING.get(finding.why, finding.why)
    if finding.differing:
        return ", ".join(named[key] for key in finding.differing)
    return words.reason(finding.why) if finding.why else ""


# Trend


@dataclass(frozen=True, slots=True)
class Column:
    x: float
    y: float
    height: float
    tone: str
    title: str


@dataclass(frozen=True, slots=True)
class Chart:
    columns: list[Column]
    width: float
    height: float
    most: int


def chart(history: Sequence[Reconciliation]) -> Chart | None:
    """Differences found, newest on the right; None where one number says as much."""
    drawn = [one for one in history if not one.is_open or one.compared_at is not None][::-1]
    if len(drawn) < 2:
        return None
    most = max(one.found for one in drawn)
    columns = [column(one, number * (WIDTH + GAP), most) for number, one in enumerate(drawn)]
    return Chart(columns, HISTORY * (WIDTH + GAP), HEIGHT, most)


def column(one: Reconciliation, x: float, most: int) -> Column:
    height = max(LEAST, HEIGHT * one.found / most) if most else LEAST
    if one.state == State.FAILED:
        return Column(round(x, 2), HEIGHT - LEAST, LEAST, "bad", f"{look.exact(one.queued_at)} · failed")
    said = f"{look.exact(one.queued_at)} · {look.number(one.found)} differences"
    tone = "warn" if one.found else "good"
    return Column(round(x, 2), round(HEIGHT - height, 2), round(height, 2), tone, said)
