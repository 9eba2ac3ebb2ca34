"""When a schedule in an account's time zone is due next. Pure: no clock, no database."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

EVERY_DAY = frozenset(range(7))
MINUTE_S = 60


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


@dataclass(frozen=True, slots=True)
class EveryMinutes:
    """Every so many minutes of real time, counted from 1970-01-01 00:00 UTC: clock changes do not matter."""

    minutes: int

    def __post_init__(self) -> None:
        if self.minutes < 1:
            raise ValueError("At least one minute has to pass.")


Spec = DailyAt | EveryMinutes


def next_time(spec: Spec, zone: ZoneInfo, after: datetime) -> datetime:
    """The first moment later than `after` (aware) at which the schedule is due, in UTC.

    When the clocks go back, a time that comes twice is due the first time only. When they go forward, a time
    that is left out is due as much later as they jump (02:30 becomes 03:30). No day is skipped or doubled.
    """
    if isinstance(spec, EveryMinutes):
        step_s = spec.minutes * MINUTE_S
        return datetime.fromtimestamp((after.timestamp() // step_s + 1) * step_s, UTC)
    today = after.astimezone(zone).date()
    # From yesterday: a jump may carry a time over midnight. Eight days on: the same weekday, one week later.
    days = [today + timedelta(days=offset) for offset in range(-1, 9)]
    return min(moment for day in days for moment in _moments(spec, zone, day) if moment > after)


def _moments(spec: DailyAt, zone: ZoneInfo, day: date) -> list[datetime]:
    if day.weekday() not in spec.weekdays:
        return []
    # fold=0, the default, is the first of two and, in a gap, counts by the clock before the jump (PEP 495).
    return [datetime.combine(day, at, zone).astimezone(UTC) for at in spec.times]
