"""When a schedule is due. The one place where days and times of day become moments."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from connectors.schedules.cron import Cron
from connectors.schedules.kinds import Interval, Schedule
from syncapp.work import moment_at

DAY = timedelta(days=1)
DAYS_LOOKED_AT = 50 * 366  # the rarest date there is, 29 February on a given weekday, comes within 40 years
MIDNIGHT = time()


def next_times(schedule: Schedule, zone: ZoneInfo, after: datetime, n: int = 3) -> list[datetime]:
    """The first `n` moments later than `after` (aware), in UTC; fewer when fifty years have fewer.

    A time that comes twice because the clock is set back is due the first time only; one that is left out is
    due as much later as the clock jumps. Crons that follow the clock and intervals know neither.
    """
    found: set[datetime] = set()
    first = after.astimezone(zone).date() - DAY  # a jump may carry a time over midnight
    for number in range(DAYS_LOOKED_AT):
        enough = len(found) >= n
        found.update(moment for moment in moments_on(schedule, zone, first + number * DAY) if moment > after)
        if enough:  # and a day more: it may begin before yesterday's last moment, carried over midnight
            break
    return sorted(found)[:n]


def moments_on(schedule: Schedule, zone: ZoneInfo, day: date) -> Iterator[datetime]:
    if isinstance(schedule, Interval):
        yield from _interval_moments(schedule, zone, day)
    elif schedule.is_on(day):
        walls = [datetime.combine(day, at) for at in schedule.times]
        if isinstance(schedule, Cron) and schedule.follows_clock:
            for wall in walls:
                yield from _every_time_shown(wall, zone)
        else:
            yield from (moment_at(wall, zone) for wall in walls)


def day_begin(day: date, zone: ZoneInfo) -> datetime:
    """Midnight; where the clock jumps at midnight, the moment it does."""
    return moment_at(datetime.combine(day, MIDNIGHT), zone)


def _interval_moments(interval: Interval, zone: ZoneInfo, day: date) -> Iterator[datetime]:
    moment, end = day_begin(day, zone), day_begin(day + DAY, zone)
    while moment < end:
        yield moment
        moment += timedelta(minutes=interval.minutes)


def _every_time_shown(wall: datetime, zone: ZoneInfo) -> Iterator[datetime]:
    """None where the clock jumps over it, two moments where it comes twice."""
    for fold in (0, 1):
        moment = wall.replace(tzinfo=zone, fold=fold).astimezone(UTC)
        if moment.astimezone(zone).replace(tzinfo=None) == wall:
            yield moment
