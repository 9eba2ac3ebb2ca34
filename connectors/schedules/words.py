"""Schedules in words: “On weekdays at 06:00 and 18:00”."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import time

from connectors.schedules.cron import Cron
from connectors.schedules.kinds import (
    EVERY_DAY,
    LAST,
    WEEKEND,
    WORKDAYS,
    Interval,
    Monthly,
    Schedule,
    Weekly,
)

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
PLACES = {1: "first", 2: "second", 3: "third", 4: "fourth", LAST: "last"}
SHORTEST_MONTH_DAYS = 28
HOUR_MINUTES, DAY_HOURS = 60, 24


def in_words(schedule: Schedule | None) -> str:
    """A sentence without its full stop; None is no schedule."""
    if schedule is None:
        return "Only when a person starts it"
    if isinstance(schedule, Interval):
        return _interval(schedule.minutes)
    if isinstance(schedule, Cron):
        return f"By cron: {schedule.expression}"
    if isinstance(schedule, Weekly):
        return f"{_weekdays(schedule.weekdays)} at {_times(schedule.times)}"
    if isinstance(schedule, Monthly):
        return f"{_month_days(schedule.days)} at {_times(schedule.times)}{_short_months(schedule.days)}"
    place, weekday = PLACES[schedule.place], WEEKDAYS[schedule.weekday]
    return f"On the {place} {weekday} of the month at {_times(schedule.times)}"


def _interval(minutes: int) -> str:
    if minutes % HOUR_MINUTES:
        return f"Every {minutes} minutes{_counted(HOUR_MINUTES % minutes)}"
    hours = minutes // HOUR_MINUTES
    every = "Every hour" if hours == 1 else f"Every {hours} hours"
    return f"{every}{_counted(DAY_HOURS % hours)}"


def _counted(rest: int) -> str:
    """Said only where the times are not the same every hour or day anyway."""
    return ", counted anew from midnight" if rest else ""


def _weekdays(days: frozenset[int]) -> str:
    if days == EVERY_DAY:
        return "Every day"
    if days == WORKDAYS:
        return "On weekdays"
    if days == WEEKEND:
        return "On Saturdays and Sundays"
    return "On " + _and(f"{WEEKDAYS[day]}s" for day in sorted(days))


def _month_days(days: frozenset[int]) -> str:
    named = [_ordinal(day) for day in sorted(days - {LAST})]
    if LAST in days:
        named.append("last day")
    return f"On the {_and(named)} of the month"


def _short_months(days: frozenset[int]) -> str:
    lacking = sorted(day for day in days if day > SHORTEST_MONTH_DAYS)
    if not lacking:
        return ""
    return f"; a month without a {' or '.join(map(_ordinal, lacking))} has its last day instead"


def _ordinal(day: int) -> str:
    if day in (11, 12, 13):
        return f"{day}th"
    return f"{day}{ {1: 'st', 2: 'nd', 3: 'rd'}.get(day % 10, 'th') }"


def _times(times: Sequence[time]) -> str:
    return _and(f"{at:%H:%M}" for at in times)


def _and(words: Iterable[str]) -> str:
    """a; a and b; a, b and c."""
    *most, last = words
    return f"{', '.join(most)} and {last}" if most else last
