"""The kinds of schedules, as values. Times are by the clock of the client; Monday is 0. Pure: no clock, no database."""

from __future__ import annotations

import calendar
from dataclasses import dataclass
from datetime import date, time
from typing import Final

from connectors.schedules.cron import Cron

LAST: Final = -1  # day of the month, and place of a weekday in its month
WEEKEND = frozenset((5, 6))
EVERY_DAY = frozenset(range(7))
WORKDAYS = EVERY_DAY - WEEKEND
WEEK_DAYS = 7


@dataclass(frozen=True, slots=True)
class Interval:
    """Every so many minutes of real time, counted anew from the start of each day, so that the times are round.

    Where the day is no multiple of it, the last wait before midnight is shorter.
    """

    minutes: int


@dataclass(frozen=True, slots=True)
class Weekly:
    """On these weekdays, at these times."""

    times: tuple[time, ...]
    weekdays: frozenset[int] = EVERY_DAY

    def is_on(self, day: date) -> bool:
        return day.weekday() in self.weekdays


@dataclass(frozen=True, slots=True)
class Monthly:
    """On these days of the month, 1 to 31 or LAST. A month that lacks one has its last day instead."""

    times: tuple[time, ...]
    days: frozenset[int]

    def is_on(self, day: date) -> bool:
        if day.day in self.days:
            return True
        is_last = day.day == _days_in_month(day)
        return is_last and (LAST in self.days or max(self.days) > day.day)


@dataclass(frozen=True, slots=True)
class MonthlyWeekday:
    """On the first (1) to fourth (4) or LAST such weekday of the month."""

    times: tuple[time, ...]
    place: int
    weekday: int

    def is_on(self, day: date) -> bool:
        if day.weekday() != self.weekday:
            return False
        if self.place == LAST:
            return day.day + WEEK_DAYS > _days_in_month(day)
        return (day.day - 1) // WEEK_DAYS + 1 == self.place


Schedule = Interval | Weekly | Monthly | MonthlyWeekday | Cron


def _days_in_month(day: date) -> int:
    return calendar.monthrange(day.year, day.month)[1]
