"""Quiet hours are what the clock on the wall shows, also on days on which it is changed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings

from connectors.schedules import in_quiet_hours
from tests.connectors.schedules.walking import AMSTERDAM, moments_near_changes, times_of_day, walk, zones


@dataclass
class Client:
    zone: ZoneInfo


@dataclass
class Export:
    quiet_from: time | None
    quiet_until: time | None
    account: Client


def is_quiet(begin: time, end: time, wall: datetime) -> bool:
    minutes = wall.hour * 60 + wall.minute
    first, last = begin.hour * 60 + begin.minute, end.hour * 60 + end.minute
    return (minutes - first) % 1440 < (last - first) % 1440


@settings(max_examples=100, deadline=None)
@given(times_of_day, times_of_day, zones, moments_near_changes())
def test_quiet_hours_are_over_when_the_wall_says_so(begin, end, zone, now):
    until = in_quiet_hours(Export(begin, end, Client(zone)), now)
    if not is_quiet(begin, end, now.astimezone(zone)):
        assert until is None
        return
    expected = next(at for at, wall in walk(zone, now, 3) if at > now and not is_quiet(begin, end, wall))
    assert until == expected


@pytest.mark.parametrize(
    ("now", "until"),
    [
        ("2026-11-21T21:59:59+01:00", None),
        ("2026-11-21T22:00+01:00", "2026-11-22T07:00+01:00"),
        ("2026-11-22T06:59:59+01:00", "2026-11-22T07:00+01:00"),
        ("2026-11-22T07:00+01:00", None),
        ("2026-03-28T23:00+01:00", "2026-03-29T07:00+02:00"),
        ("2026-10-24T23:00+02:00", "2026-10-25T07:00+01:00"),
    ],
)
def test_over_midnight_in_amsterdam(now, until):
    export = Export(time(22), time(7), Client(AMSTERDAM))
    expected = None if until is None else datetime.fromisoformat(until)
    assert in_quiet_hours(export, datetime.fromisoformat(now)) == expected


@pytest.mark.parametrize("hours", [(None, None), (time(22), None), (None, time(7)), (time(7), time(7))])
def test_no_quiet_hours(hours):
    for hour in range(24):
        now = datetime(2026, 11, 21, tzinfo=UTC) + timedelta(hours=hour)
        assert in_quiet_hours(Export(*hours, Client(AMSTERDAM)), now) is None
