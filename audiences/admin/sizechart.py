"""The size of an audience over time, as an area. Drawn here: no script is needed to see it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from django.utils.formats import date_format

from audiences import history
from audiences.models import Audience

WIDTH, HEIGHT = 420.0, 150.0
LEFT, TOP, BOTTOM = 42.0, 8.0, 20.0  # room for the labels
SPANS = (30, 90, 365)
GRID_LINES = 3
DATES_SHOWN = 4


@dataclass(frozen=True, slots=True)
class Tick:
    at: float
    words: str


@dataclass(frozen=True, slots=True)
class Day:
    """A day with its column, which is where a pointer finds its figure."""

    x: float
    y: float
    left: float
    width: float
    words: str


@dataclass(frozen=True, slots=True)
class Chart:
    line: str
    area: str
    days: list[Day]
    members: list[Tick]
    dates: list[Tick]
    words: str
    span: int
    width: float = WIDTH
    height: float = HEIGHT
    left: float = LEFT
    floor: float = HEIGHT - BOTTOM


def span_of(written: str) -> int:
    return int(written) if written in map(str, SPANS) else SPANS[0]


def chart_of(audience: Audience, span: int) -> Chart | None:
    """Of the last so many days; None with fewer than two days on record: there is nothing to compare yet."""
    sizes = history.sizes(audience, span)
    return draw(sizes, span) if len(sizes) > 1 else None


def draw(sizes: Sequence[tuple[date, int]], span: int) -> Chart:
    """Days without a figure had no change: the line goes level until the next one."""
    steps = levelled(sizes)
    first, last = steps[0][0], steps[-1][0]
    least, most = scale(min(members for _, members in steps), max(members for _, members in steps))
    across, floor = max((last - first).days, 1), HEIGHT - BOTTOM
    points = [
        (
            LEFT + (WIDTH - LEFT) * (day - first).days / across,
            TOP + (floor - TOP) * (1 - (members - least) / (most - least)),
        )
        for day, members in steps
    ]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    column = (WIDTH - LEFT) / across
    return Chart(
        line=line,
        area=f"{LEFT:.1f},{floor:.1f} {line} {WIDTH:.1f},{floor:.1f}",
        days=[
            Day(x, y, x - column / 2, column, f"{date_format(day, 'j M Y')}: {members:,} members")
            for (x, y), (day, members) in zip(points, steps, strict=True)
        ],
        members=[
            Tick(
                TOP + (floor - TOP) * (1 - number / GRID_LINES),
                short(least + (most - least) * number / GRID_LINES),
            )
            for number in range(GRID_LINES + 1)
        ],
        dates=[
            Tick(
                LEFT + (WIDTH - LEFT) * number / DATES_SHOWN,
                date_format(first + timedelta(days=round(across * number / DATES_SHOWN)), "j M"),
            )
            for number in range(DATES_SHOWN)
        ],
        words=in_words(steps),
        span=span,
    )


def levelled(sizes: Sequence[tuple[date, int]]) -> list[tuple[date, int]]:
    """One figure a day, the days in between as the day before them."""
    found: list[tuple[date, int]] = []
    for day, members in sizes:
        while found and found[-1][0] < day - timedelta(days=1):
            found.append((found[-1][0] + timedelta(days=1), found[-1][1]))
        found.append((day, members))
    return found


def scale(least: int, most: int) -> tuple[float, float]:
    """Round bounds around the figures; from 0 where that costs little, so that small changes look small."""
    if least <= most * 0.6:
        least = 0
    step = 10 ** max(math.floor(math.log10(max(most - least, 1))), 0)
    low, high = math.floor(least / step) * step, math.ceil(most / step) * step
    return float(low), float(high if high > low else low + step)


def short(members: float) -> str:
    """15234 → “15.2k”: axis labels have little room."""
    for size, letter in ((1_000_000, "M"), (10_000, "k")):
        if members >= size:
            return f"{members / (size if letter == 'M' else 1000):.1f}".rstrip("0").rstrip(".") + letter
    return f"{members:,.0f}"


def in_words(steps: Sequence[tuple[date, int]]) -> str:
    (first, before), (last, now) = steps[0], steps[-1]
    change = f"{now - before:+,}".replace("-", "−")
    return (
        f"{now:,} members on {date_format(last, 'j F Y')}, {change} since {date_format(first, 'j F Y')}; "
        f"between {min(members for _, members in steps):,} and {max(members for _, members in steps):,}."
    )
