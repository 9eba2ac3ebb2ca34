"""Cron expressions of five fields. CronSim reads them; the days and times they mean are walked by `upcoming`."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from itertools import product

from cronsim import CronSim, CronSimError

CHARACTERS_MOST = 100
FIELDS = ("minute", "hour", "day of month", "month", "day of week")
HINT = "Five fields are needed: minute, hour, day of month, month and day of week, as in 0 6 * * 1-5."
# Stricter than CronSim, which reads some combinations that mean nothing (1#2/3) and stumbles over others.
TERM = re.compile(r"(\*|\w{1,3}(-\w{1,3})?)(/\d{1,2})?|L|LW|\dL|\w{1,3}#[1-5]", re.ASCII | re.IGNORECASE)
ANY_DATE = datetime(
    2000, 1, 1, tzinfo=UTC
)  # CronSim wants one to start from; we only ask it which days match


class BadCron(ValueError):
    """In words for staff."""


@dataclass(frozen=True, slots=True)
class Cron:
    """A crontab's line. Where both day fields are limited, either is enough; where one begins with *, both must
    match. One that begins its minutes or hours with * follows the clock: it runs both times when an hour
    comes twice, and leaves out an hour that is left out."""

    expression: str
    read: CronSim = field(repr=False, compare=False, hash=False)

    @property
    def times(self) -> tuple[time, ...]:
        return tuple(time(*pair) for pair in product(sorted(self.read.hours), sorted(self.read.minutes)))

    @property
    def follows_clock(self) -> bool:
        return any(part.startswith("*") for part in self.expression.split()[:2])

    def is_on(self, day: date) -> bool:
        return day.month in self.read.months and self.read.match_day(day)


def read_cron(expression: str) -> Cron:
    """Raises BadCron in words. Whether it ever fires is found out by asking when."""
    parts = expression.split()
    if len(expression) > CHARACTERS_MOST or len(parts) != len(FIELDS):
        raise BadCron(HINT)
    for name, part in zip(FIELDS, parts, strict=True):
        if not all(TERM.fullmatch(term) for term in part.split(",")):
            raise BadCron(f"“{part}” cannot be the {name}. {HINT}")
    try:
        return Cron(" ".join(parts), CronSim(expression, ANY_DATE))
    except CronSimError as error:
        raise BadCron(_in_words(str(error), parts)) from error


def _in_words(problem: str, parts: list[str]) -> str:
    """CronSim says "Bad day-of-month" also of a day that none of the months has."""
    name = problem.removeprefix("Bad ").replace("-", " ")
    part = parts[FIELDS.index(name)] if name in FIELDS else " ".join(parts)
    if name == "day of month" and _is_cron([*parts[:3], "*", *parts[4:]]):
        return f"It would never run: no month of “{parts[3]}” has a day “{part}”. Change one of the two."
    return f"“{part}” cannot be the {name}. {HINT}"


def _is_cron(parts: list[str]) -> bool:
    try:
        CronSim(" ".join(parts), ANY_DATE)
    except CronSimError:
        return False
    return True
