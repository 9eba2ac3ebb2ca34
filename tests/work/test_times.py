"""Schedules in an account's time zone, against a walk over every minute of the wall clock."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syncapp.work import DailyAt, next_time

ZONES = [
    ZoneInfo(name)
    for name in (
        "Europe/Amsterdam",
        "America/New_York",
        "Australia/Lord_Howe",  # jumps half an hour
        "Asia/Kathmandu",  # 05:45 ahead, no jumps
        "America/Santiago",  # jumps at midnight
        "Africa/Casablanca",
        "UTC",
    )
]
MINUTE = timedelta(minutes=1)
AMSTERDAM = ZoneInfo("Europe/Amsterdam")


def walk(zone: ZoneInfo, first: datetime, days: int):
    """(moment, what the wall clock shows) for every minute from three days before `first`."""
    start = first.replace(second=0, microsecond=0) - timedelta(days=3)
    for number in range((days + 3) * 24 * 60):
        moment = start + number * MINUTE
        yield moment, moment.astimezone(zone).replace(tzinfo=None)


def walked_moment(clock: dict[datetime, datetime], wall: datetime) -> datetime | None:
    """When the clock first shows `wall`; where it never does, so much later as the clock jumps."""
    if wall in clock:
        return clock[wall]
    minutes = 0
    while wall - minutes * MINUTE not in clock:
        minutes += 1
        if minutes > 24 * 60:
            return None  # beyond what was walked
    return clock[wall - minutes * MINUTE] + minutes * MINUTE


def walked_next(spec: DailyAt, zone: ZoneInfo, after: datetime) -> datetime:
    clock: dict[datetime, datetime] = {}
    for moment, wall in walk(zone, after, days=10):
        clock.setdefault(wall, moment)
    days = sorted({wall.date() for wall in clock})[1:-1]
    moments = (
        walked_moment(clock, datetime.combine(day, at))
        for day in days
        if day.weekday() in spec.weekdays
        for at in spec.times
    )
    return min(moment for moment in moments if moment is not None and moment > after)


@st.composite
def moments_near_jumps(draw):
    """Half of them within two days of a clock change of Europe or America."""
    near = draw(st.sampled_from([date(2026, 3, 29), date(2026, 10, 25), date(2026, 3, 8), date(2026, 11, 1)]))
    day = draw(st.one_of(st.just(near), st.dates(date(2024, 1, 1), date(2028, 12, 31))))
    seconds = draw(st.integers(-2 * 86400, 2 * 86400))
    return datetime.combine(day, time(), UTC) + timedelta(seconds=seconds)


times_of_day = st.builds(time, st.integers(0, 23), st.integers(0, 59))
specs = st.builds(
    DailyAt,
    st.lists(times_of_day, min_size=1, max_size=3).map(tuple),
    st.sets(st.integers(0, 6), min_size=1).map(frozenset),
)


@settings(max_examples=60, deadline=None)
@given(specs, st.sampled_from(ZONES), moments_near_jumps())
def test_the_next_time_is_the_one_found_by_walking_the_clock(spec, zone, after):
    assert next_time(spec, zone, after) == walked_next(spec, zone, after)


@settings(max_examples=60, deadline=None)
@given(times_of_day, st.sampled_from(ZONES), st.integers(2024, 2028))
def test_a_daily_schedule_is_due_once_on_every_day_of_a_year(at, zone, year):
    moment = datetime(year, 1, 1, tzinfo=zone).astimezone(UTC) - timedelta(seconds=1)
    days = []
    while (moment := next_time(DailyAt((at,)), zone, moment)).astimezone(zone).year == year:
        days.append(moment.astimezone(zone).date())
    assert days == [date(year, 1, 1) + timedelta(days=number) for number in range(len(days))]
    assert len(days) in (365, 366)


@pytest.mark.parametrize(
    ("at", "after", "due"),
    [
        # 2026-03-29 02:00 becomes 03:00
        ("02:30", "2026-03-28T12:00+01:00", "2026-03-29T03:30+02:00"),
        ("02:30", "2026-03-29T12:00+02:00", "2026-03-30T02:30+02:00"),
        # 2026-10-25 03:00 becomes 02:00
        ("02:30", "2026-10-24T12:00+02:00", "2026-10-25T02:30+02:00"),
        ("02:30", "2026-10-25T02:30+02:00", "2026-10-26T02:30+01:00"),
        ("08:00", "2026-10-24T08:00+02:00", "2026-10-25T08:00+01:00"),
    ],
)
def test_clock_changes_in_amsterdam(at, after, due):
    found = next_time(DailyAt((time.fromisoformat(at),)), AMSTERDAM, datetime.fromisoformat(after))
    assert found == datetime.fromisoformat(due)


def test_weekdays_are_those_of_the_account():
    monday_morning = DailyAt((time(0, 30),), frozenset({0}))
    sunday_in_utc = next_time(monday_morning, AMSTERDAM, datetime(2026, 11, 18, tzinfo=UTC))
    assert sunday_in_utc == datetime(2026, 11, 22, 23, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    "make",
    [
        lambda: DailyAt(()),
        lambda: DailyAt((time(8, tzinfo=UTC),)),
        lambda: DailyAt((time(8),), frozenset()),
        lambda: DailyAt((time(8),), frozenset({7})),
    ],
)
def test_impossible_schedules_are_refused(make):
    with pytest.raises(ValueError):
        make()
