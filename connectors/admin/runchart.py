"""The last runs of a goal as columns: how many people, and how it ended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.urls import reverse

from connectors import look
from connectors.models import Run

COLUMNS = 30
WIDTH, GAP, HEIGHT = 10.0, 3.0, 60.0
LEAST = 2.0  # height of a run that had nothing to do, so that it can be seen and clicked


@dataclass(frozen=True, slots=True)
class Part:
    tone: str
    y: float
    height: float


@dataclass(frozen=True, slots=True)
class Column:
    x: float
    url: str
    title: str
    parts: list[Part]


@dataclass(frozen=True, slots=True)
class Chart:
    columns: list[Column]
    width: float
    height: float
    most: int


def chart(runs: Sequence[Run]) -> Chart | None:
    """`runs`: newest first. None when there is nothing to draw."""
    drawn = [run for run in runs if not run.dry][:COLUMNS][::-1]
    if not drawn:
        return None
    most = max(sum(people for _, people in parts_of(run)) for run in drawn)
    columns = [column(run, number * (WIDTH + GAP), most) for number, run in enumerate(drawn)]
    return Chart(columns, COLUMNS * (WIDTH + GAP), HEIGHT, most)


def column(run: Run, x: float, most: int) -> Column:
    parts, y = [], HEIGHT
    for tone, people in parts_of(run):
        height = (HEIGHT - LEAST) * people / most if most else 0.0
        if people:
            height = max(height, 1.0)
            y -= height
            parts.append(Part(tone, round(y, 2), round(height, 2)))
    if not parts:
        parts.append(Part(look.of_run(run).tone, HEIGHT - LEAST, LEAST))
    said = f"{look.exact(run.queued_at)} · {look.of_run(run).word} · {look.number(run.checked)} checked"
    return Column(round(x, 2), reverse("admin:connectors_run_change", args=[run.pk]), said, parts)


def parts_of(run: Run) -> list[tuple[str, int]]:
    """(tone, people) from the bottom up."""
    return [
        ("good", run.created),
        ("busy", run.updated + run.waiting + run.removal_waiting),
        ("warn", run.removed),
        ("bad", run.rejected + run.removal_rejected + run.dead + run.removal_dead),
    ]
