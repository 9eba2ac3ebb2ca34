"""The next times of every kind of schedule, against a walk over every minute of the wall clock."""

from __future__ import annotations

import calendar
from datetime import datetime, time
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from connectors.schedules import BadSchedule, next_times, parse
from tests.connectors.schedules.walking import (
    AMSTERDAM,
    due_at_walls,
    due_by_clock,
    due_every,
    moments_near_changes,
    times_of_day,
    zones,
)

WALKED_DAYS = 4
MONTH_DAYS = 63  # at least one whole month, wherever it starts
walking = settings(max_examples=60, deadline=None)


def written(times):
    return [f"{at:%H:%M}" for at in times]


def found_of(data, zone, after, expected):
    """As many of our times as the oracle found."""
    return next_times(parse(data), zone, after, len(expected)) if expected else []


def spaced(times) -> bool:
    minutes = sorted(at.hour * 60 + at.minute for at in times)
    following = [*minutes[1:], minutes[0] + 1440]
    return all(after - before >= 5 for before, after in zip(minutes, following, strict=True))


several_times = st.sets(times_of_day, min_size=1, max_size=4).filter(spaced)


@walking
@given(several_times, st.sets(st.integers(0, 6), min_size=1), zones, moments_near_changes())
def test_weekdays(times, weekdays, zone, after):
    data = {"kind": "weekdays", "weekdays": sorted(weekdays), "times": written(times)}
    expected = due_at_walls(zone, after, 8, lambda wall: wall.weekday() in weekdays and wall.time() in times)
    assert expected
    assert found_of(data, zone, after, expected[:-1]) == expected[:-1]


@walking
@given(several_times, zones, moments_near_changes())
def test_times_a_day(times, zone, after):
    expected = due_at_walls(zone, after, WALKED_DAYS, lambda wall: wall.time() in times)
    assert len(expected) >= 3
    assert next_times(parse({"kind": "times", "times": written(times)}), zone, after) == expected[:3]


@walking
@given(st.integers(5, 59), zones, moments_near_changes())
def test_every_so_many_minutes(minutes, zone, after):
    expected = due_every(zone, after, 2, minutes)
    assert found_of({"kind": "minutes", "every": minutes}, zone, after, expected) == expected


@walking
@given(st.integers(1, 23), zones, moments_near_changes())
def test_every_so_many_hours(hours, zone, after):
    expected = due_every(zone, after, 3, hours * 60)
    assert found_of({"kind": "hours", "every": hours}, zone, after, expected) == expected


def is_month_day(wall: datetime, days: set[object]) -> bool:
    length = calendar.monthrange(wall.year, wall.month)[1]
    return wall.day in {length if day == "last" else min(day, length) for day in days}


@settings(max_examples=15, deadline=None)
@given(
    times_of_day,
    st.sets(st.one_of(st.integers(1, 31), st.integers(28, 31), st.just("last")), min_size=1, max_size=3),
    zones,
    moments_near_changes(),
)
def test_days_of_the_month(at, days, zone, after):
    data = {"kind": "month_days", "days": list(days), "times": written([at])}
    expected = due_at_walls(
        zone, after, MONTH_DAYS, lambda wall: wall.time() == at and is_month_day(wall, days)
    )
    assert expected
    assert found_of(data, zone, after, expected[:-1]) == expected[:-1]


def place_of(wall: datetime) -> tuple[int, bool]:
    """(which such weekday of its month, whether the last)"""
    same = [week[wall.weekday()] for week in calendar.monthcalendar(wall.year, wall.month)]
    same = [day for day in same if day]
    return same.index(wall.day) + 1, same[-1] == wall.day


@settings(max_examples=15, deadline=None)
@given(
    times_of_day,
    st.sampled_from(["first", "second", "third", "fourth", "last"]),
    st.integers(0, 6),
    zones,
    moments_near_changes(),
)
def test_weekdays_of_the_month(at, place, weekday, zone, after):
    number = {"first": 1, "second": 2, "third": 3, "fourth": 4}.get(place)

    def is_due(wall: datetime) -> bool:
        if wall.time() != at or wall.weekday() != weekday:
            return False
        which, is_last = place_of(wall)
        return is_last if number is None else which == number

    data = {"kind": "month_weekday", "place": place, "weekday": weekday, "times": written([at])}
    expected = due_at_walls(zone, after, MONTH_DAYS, is_due)
    assert expected
    assert found_of(data, zone, after, expected[:-1]) == expected[:-1]


def field(least: int, most: int):
    """(as written in a crontab, the numbers it means)"""
    numbers = st.integers(least, most)
    stepped = st.integers(2, 20).map(lambda step: (f"*/{step}", set(range(least, most + 1, step))))
    ranged = st.tuples(numbers, numbers).map(sorted).map(lambda ends: (f"{ends[0]}-{ends[1]}", span(ends)))
    listed = st.sets(numbers, min_size=1, max_size=3).map(lambda found: (",".join(map(str, found)), found))
    return st.one_of(st.just(("*", span((least, most)))), stepped, ranged, listed)


def span(ends) -> set[int]:
    return set(range(ends[0], ends[1] + 1))


minute_fields = st.one_of(
    st.sampled_from([0, 15, 30, 45]).map(lambda minute: (str(minute), {minute})),
    st.integers(5, 30).map(lambda step: (f"*/{step}", set(range(0, 60, step)))),
    st.integers(0, 25).map(lambda minute: (f"{minute},{minute + 20}", {minute, minute + 20})),
)


@settings(max_examples=120, deadline=None)
@given(
    minute_fields,
    st.one_of(field(0, 23), st.sampled_from([("1-3", {1, 2, 3}), ("2", {2})])),
    field(1, 31),
    st.one_of(st.just(("*", span((1, 12)))), field(1, 12)),
    field(0, 6),
    zones,
    moments_near_changes(),
)
def test_cron(minutes, hours, days, months, weekdays, zone, after):
    def is_day(wall: datetime) -> bool:
        by_date, by_weekday = wall.day in days[1], wall.isoweekday() % 7 in weekdays[1]
        both = days[0].startswith("*") or weekdays[0].startswith("*")
        return wall.month in months[1] and ((by_date and by_weekday) if both else (by_date or by_weekday))

    def is_due(wall: datetime) -> bool:
        return wall.minute in minutes[1] and wall.hour in hours[1] and is_day(wall)

    expression = " ".join(part for part, _ in (minutes, hours, days, months, weekdays))
    try:
        schedule = parse({"kind": "cron", "expression": expression})
    except BadSchedule as refused:
        assume("apart" in str(refused) or "never" in str(refused))
        assume(False)
    follows_clock = minutes[0].startswith("*") or hours[0].startswith("*")
    due = due_by_clock if follows_clock else due_at_walls
    expected = due(zone, after, WALKED_DAYS, is_due)[:-1]
    assert next_times(schedule, zone, after, len(expected)) == expected


@walking
@given(zones, moments_near_changes(), st.integers(1, 6))
def test_times_come_later_and_later_and_asking_again_goes_on_where_it_was(zone, after, n):
    schedule = parse({"kind": "times", "times": ["02:30", "03:15"]})
    together = next_times(schedule, zone, after, n)
    one_by_one = []
    moment = after
    for _ in range(n):
        [moment] = next_times(schedule, zone, moment, 1)
        one_by_one.append(moment)
    assert together == one_by_one == sorted(set(together))
    assert len(together) == n


def daily(at):
    return {"kind": "times", "times": [at]}


def cron(expression):
    return {"kind": "cron", "expression": expression}


def hours(every):
    return {"kind": "hours", "every": every}


def on_days(days):
    return {"kind": "month_days", "days": days, "times": ["06:00"]}


@pytest.mark.parametrize(
    ("data", "after", "due"),
    [
        # 2026-03-29: 02:00 becomes 03:00. 2026-10-25: 03:00 becomes 02:00.
        (daily("02:30"), "2026-03-28T12:00+01:00", "2026-03-29T03:30+02:00"),
        (daily("02:30"), "2026-10-24T12:00+02:00", "2026-10-25T02:30+02:00"),
        (daily("02:30"), "2026-10-25T02:30+02:00", "2026-10-26T02:30+01:00"),
        (daily("06:00"), "2026-10-24T06:00+02:00", "2026-10-25T06:00+01:00"),
        (cron("30 2 * * *"), "2026-10-25T02:30+02:00", "2026-10-26T02:30+01:00"),
        (cron("30 2 * * *"), "2026-03-28T12:00+01:00", "2026-03-29T03:30+02:00"),
        (cron("30 * * * *"), "2026-10-25T02:30+02:00", "2026-10-25T02:30+01:00"),
        (cron("30 * * * *"), "2026-03-29T01:30+01:00", "2026-03-29T03:30+02:00"),
        (hours(6), "2026-03-28T23:00+01:00", "2026-03-29T00:00+01:00"),
        (hours(6), "2026-03-29T00:00+01:00", "2026-03-29T07:00+02:00"),
        (hours(7), "2026-11-21T21:00+01:00", "2026-11-22T00:00+01:00"),
        (on_days([31]), "2026-02-01T00:00+01:00", "2026-02-28T06:00+01:00"),
        (on_days([30, 31]), "2026-02-28T06:00+01:00", "2026-03-30T06:00+02:00"),
        (on_days([29]), "2028-02-01T00:00+01:00", "2028-02-29T06:00+01:00"),
        (cron("0 6 29 2 *"), "2026-11-21T00:00+01:00", "2028-02-29T06:00+01:00"),
        (cron("0 6 * 2 MON#5"), "2026-11-21T00:00+01:00", "2044-02-29T06:00+01:00"),
        (cron("0 6 L * *"), "2026-11-21T00:00+01:00", "2026-11-30T06:00+01:00"),
    ],
)
def test_in_amsterdam(data, after, due):
    [found] = next_times(parse(data), AMSTERDAM, datetime.fromisoformat(after), 1)
    assert found == datetime.fromisoformat(due)


@pytest.mark.parametrize(
    ("after", "due"),
    [
        # 2026-03-28: 23:00 becomes 00:00 of the next day, and 23:30 is as late as 00:30.
        (
            "2026-03-28T22:00-02:00",
            ["2026-03-29T00:15-01:00", "2026-03-29T00:30-01:00", "2026-03-29T23:30-01:00"],
        ),
        ("2026-03-29T00:20-01:00", ["2026-03-29T00:30-01:00", "2026-03-29T23:30-01:00"]),
        ("2026-03-28T22:00-02:00", ["2026-03-29T00:15-01:00"]),
    ],
)
def test_a_start_carried_over_midnight_keeps_its_place_in_the_order(after, due):
    schedule = parse({"kind": "times", "times": ["00:15", "23:30"]})
    found = next_times(schedule, ZoneInfo("America/Nuuk"), datetime.fromisoformat(after), len(due))
    assert found == [datetime.fromisoformat(moment) for moment in due]


def test_the_same_schedule_means_another_moment_in_another_zone():
    schedule = parse({"kind": "times", "times": ["06:00"]})
    after = datetime.fromisoformat("2026-11-21T00:00+00:00")
    moments = {
        next_times(schedule, ZoneInfo(name), after, 1)[0] for name in ("Asia/Tokyo", "UTC", "America/Lima")
    }
    assert len(moments) == 3
    assert time(6) in {moment.astimezone(ZoneInfo("Asia/Tokyo")).time() for moment in moments}
