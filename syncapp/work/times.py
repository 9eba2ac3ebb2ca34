"""When a schedule in an account's time zone is due next. Pure: no clock, no database."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

EVERY_DAY = frozenset(range(7))


@dataclass(frozen=True, slots=True)
class DailyAt:
    """At these wall-clock times, on these weekdays (Monday is 0)."""

    times: tuple[time, ...]
    weekdays: frozenset[int] = EVERY_DAY

    def __post_init__(self) -> None:
        if not self.times or any(at.tzinfo is not None for at in self.times):
            raise ValueError("A daily schedule needs at least one time of day, without a time zone.")
        if not self.weekdays or not self.weekdays <= EVERY_DAY:
            raise ValueError("Weekdays are numbers from 0 (Monday) to 6 (Sunday), at least one.")


def next_time(spec: DailyAt, zone: ZoneInfo, after: datetime) -> datetime:
    """The first moment later than `after` (aware) at which the schedule is due, in UTC.

    No day is skipped or doubled.
    """
    today = after.astimezone(zone).date()
    # From yesterday: a jump may carry a time over midnight. Eight days on: the same weekday, one week later.
    days = [today + timedelta(days=offset) for offset in range(-1, 9)]
    return min(moment for day in days for moment in _moments(spec, zone, day) if moment > after)


def moment_at(wall: datetime, zone: ZoneInfo) -> datetime:
    """The moment in UTC at which the clock on the wall shows this (naive).

    When the clocks go back, a time that comes twice means the first of them. When they go forward, a time that is
    left out means as much later as they jump (02:30 becomes 03:30).
    """
    # fold=0 is the first of two and, in a gap, counts by the clock before the jump (PEP 495).
    return wall.replace(tzinfo=zone, fold=0).astimezone(UTC)


def _moments(spec: DailyAt, zone: ZoneInfo, day: date) -> list[datetime]:
    if day.weekday() not in spec.weekdays:
        return []
    return [moment_at(datetime.combine(day, at), zone) for at in spec.times]
