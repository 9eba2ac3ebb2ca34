"""By when a scheduled start has to have happened before people are told."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from connectors.schedules.upcoming import day_begin
from syncapp.work import moment_at

GRACE = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Expected:
    """A run has to begin in between, both in UTC."""

    since: datetime
    until: datetime


def expected_start(slot: datetime, expected_by: time | None, zone: ZoneInfo) -> Expected:
    """For a start that was due at `slot`: within a quarter of an hour; or, where a time of day is given by which it
    is expected, until then, and any run of that day counts. A start later on the day has its quarter of an hour."""
    if expected_by is not None:
        day = slot.astimezone(zone).date()
        until = moment_at(datetime.combine(day, expected_by), zone)
        if slot <= until:
            return Expected(day_begin(day, zone), until)
    return Expected(slot, slot + GRACE)
