"""Oracles that know nothing of the code: they walk the clock on the wall minute by minute."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)
AMSTERDAM = ZoneInfo("Europe/Amsterdam")
ZONES = [
    ZoneInfo(name)
    for name in (
        "Europe/Amsterdam",
        "America/New_York",
        "Australia/Lord_Howe",  # changes by half an hour
        "Africa/Casablanca",  # goes back for Ramadan and forward after it
        "America/Santiago",  # changes at midnight
        "America/Nuuk",  # jumps over the hour before midnight
        "America/Havana",  # a midnight that comes twice
        "Asia/Kathmandu",
    )
]
CHANGES = [
    date(2026, 3, 29),
    date(2026, 10, 25),
    date(2026, 3, 8),
    date(2026, 11, 1),
    date(2026, 4, 5),
    date(2026, 10, 4),
    date(2026, 2, 15),
    date(2026, 3, 22),
    date(2026, 9, 6),
    date(2028, 2, 29),
]

Wall = datetime  # naive: what the clock shows


def walk(zone: ZoneInfo, begin: datetime, days: int) -> Iterator[tuple[datetime, Wall]]:
    """(moment in UTC, what the wall shows) of every minute."""
    moment = begin.astimezone(UTC).replace(second=0, microsecond=0)
    for number in range(days * 24 * 60):
        at = moment + number * MINUTE
        yield at, at.astimezone(zone).replace(tzinfo=None)


def due_at_walls(
    zone: ZoneInfo, after: datetime, days: int, is_due: Callable[[Wall], bool]
) -> list[datetime]:
    """Once per time of the wall that is due: when it is first shown, or else as much later as the clock jumped."""
    shown: set[Wall] = set()
    found: set[datetime] = set()
    before: Wall | None = None
    for moment, wall in walk(zone, after - 3 * DAY, days + 3):
        if before is not None and wall > before + MINUTE:
            left_out, jump = before + MINUTE, wall - before - MINUTE
            while left_out < wall:
                if is_due(left_out) and left_out not in shown:
                    found.add(moment + (left_out + jump - wall))
                left_out += MINUTE
        if is_due(wall) and wall not in shown:
            found.add(moment)
        shown.add(wall)
        before = wall
    return sorted(moment for moment in found if moment > after)


def due_by_clock(
    zone: ZoneInfo, after: datetime, days: int, is_due: Callable[[Wall], bool]
) -> list[datetime]:
    """Whenever the wall shows a time that is due."""
    return [moment for moment, wall in walk(zone, after, days) if moment > after and is_due(wall)]


def due_every(zone: ZoneInfo, after: datetime, days: int, minutes: int) -> list[datetime]:
    """Counting minutes, from nought again whenever the wall shows another date."""
    found, counted, today = [], 0, None
    for moment, wall in walk(zone, after - 3 * DAY, days + 3):
        if wall.date() != today:
            counted, today = 0, wall.date() if today is None else max(today, wall.date())
        if counted % minutes == 0 and moment > after:
            found.append(moment)
        counted += 1
    return found


@st.composite
def moments_near_changes(draw: st.DrawFn) -> datetime:
    day = draw(st.one_of(st.sampled_from(CHANGES), st.dates(date(2024, 1, 1), date(2028, 12, 31))))
    return datetime.combine(day, time(), UTC) + timedelta(seconds=draw(st.integers(-2 * 86400, 2 * 86400)))


zones = st.sampled_from(ZONES)
times_of_day = st.one_of(
    st.builds(
        time, st.sampled_from([0, 1, 2, 3, 23]), st.sampled_from([0, 15, 30, 45])
    ),  # where clocks are changed
    st.builds(time, st.integers(0, 23), st.integers(0, 59)),
)
