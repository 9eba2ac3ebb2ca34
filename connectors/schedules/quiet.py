"""Quiet hours: a part of every day in which an export sends nothing but withdrawals."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)


class InZone(Protocol):
    @property
    def zone(self) -> ZoneInfo: ...


class HasQuietHours(Protocol):
    """A goal: two times of day by the clock of its account, or neither."""

    quiet_from: time | None
    quiet_until: time | None

    @property
    def account(self) -> InZone: ...


def in_quiet_hours(goal: HasQuietHours, now: datetime) -> datetime | None:
    """When the quiet hours that `now` (aware) lies in are over, in UTC; None when it lies in none."""
    if goal.quiet_from is None or goal.quiet_until is None:
        return None
    return quiet_until(goal.quiet_from, goal.quiet_until, goal.account.zone, now)


def quiet_until(begin: time, end: time, zone: ZoneInfo, now: datetime) -> datetime | None:
    """It is quiet while the clock on the wall shows a time from `begin` up to `end`, over midnight where `end` is
    the earlier one; also on days on which the clock is changed."""
    wall = now.astimezone(zone)
    if not _is_within(begin, end, wall.time()):
        return None
    to_go = (datetime.combine(wall, end) - wall.replace(tzinfo=None)) % DAY
    until = now.astimezone(UTC) + to_go
    if until.astimezone(zone).utcoffset() == wall.utcoffset():
        return until
    return _first_outside(begin, end, zone, now)


def _is_within(begin: time, end: time, at: time) -> bool:
    if begin <= end:
        return begin <= at < end
    return at >= begin or at < end


def _first_outside(begin: time, end: time, zone: ZoneInfo, now: datetime) -> datetime:
    """The clock is changed before the quiet hours are over: follow it minute by minute."""
    moment = now.astimezone(UTC).replace(second=0, microsecond=0)
    while _is_within(begin, end, moment.astimezone(zone).time()):
        moment += MINUTE
    return moment
