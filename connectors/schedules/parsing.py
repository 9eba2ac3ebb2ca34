"""Schedules as goals keep them, in JSON. `kind` and what belongs to it:

{"kind": "minutes", "every": 15}
{"kind": "hours", "every": 6}
{"kind": "times", "times": ["06:00", "18:00"]}
{"kind": "weekdays", "weekdays": [0, 1, 2, 3, 4], "times": ["06:00"]}
{"kind": "month_days", "days": [1, 15, "last"], "times": ["06:00"]}
{"kind": "month_weekday", "place": "first", "weekday": 0, "times": ["06:00"]}
{"kind": "cron", "expression": "0 6 * * 1-5"}
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, time
from typing import Any, TypeGuard
from zoneinfo import ZoneInfo

from connectors.schedules.cron import BadCron, Cron, read_cron
from connectors.schedules.kinds import LAST, Interval, Monthly, MonthlyWeekday, Schedule, Weekly
from connectors.schedules.upcoming import next_times

CLOSEST_MINUTES = 5  # full runs look at everybody; changes are followed at once without them
MINUTES_MOST, HOURS_MOST, TIMES_MOST, MONTH_DAYS_MOST = 59, 23, 24, 31
HOUR_MINUTES, DAY_MINUTES = 60, 24 * 60
PLACES = {"first": 1, "second": 2, "third": 3, "fourth": 4, "last": LAST}
LAST_DAY = "last"
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)  # whether a cron ever fires does not depend on today


class BadSchedule(ValueError):
    """In words for staff; `field` is the key of the JSON at which it can be repaired."""

    def __init__(self, field: str, words: str) -> None:
        super().__init__(words)
        self.field = field


def parse(data: object) -> Schedule:
    """Raises BadSchedule."""
    kind = data.get("kind") if isinstance(data, Mapping) else None
    if not isinstance(data, Mapping) or not isinstance(kind, str) or kind not in READERS:
        raise BadSchedule("kind", f"Choose how often it runs: {', '.join(READERS)}.")
    return READERS[kind](data)


def _minutes(data: Mapping[str, Any]) -> Interval:
    return Interval(_number(data, "every", CLOSEST_MINUTES, MINUTES_MOST, "minutes"))


def _hours(data: Mapping[str, Any]) -> Interval:
    return Interval(_number(data, "every", 1, HOURS_MOST, "hours") * HOUR_MINUTES)


def _times_a_day(data: Mapping[str, Any]) -> Weekly:
    return Weekly(_times(data))


def _weekdays(data: Mapping[str, Any]) -> Weekly:
    chosen = _listed(data, "weekdays")
    if not chosen or not all(_is_number(day, 0, 6) for day in chosen):
        raise BadSchedule("weekdays", "Choose at least one day of the week.")
    return Weekly(_times(data), frozenset(chosen))


def _month_days(data: Mapping[str, Any]) -> Monthly:
    chosen = [LAST if day == LAST_DAY else day for day in _listed(data, "days")]
    if not chosen or not all(day == LAST or _is_number(day, 1, MONTH_DAYS_MOST) for day in chosen):
        raise BadSchedule("days", "Choose days of the month: numbers from 1 to 31, or the last day.")
    return Monthly(_times(data), frozenset(chosen))


def _month_weekday(data: Mapping[str, Any]) -> MonthlyWeekday:
    place, weekday = data.get("place"), data.get("weekday")
    if not isinstance(place, str) or place not in PLACES:
        raise BadSchedule("place", "Choose the first, second, third, fourth or last of the month.")
    if not _is_number(weekday, 0, 6):
        raise BadSchedule("weekday", "Choose a day of the week.")
    return MonthlyWeekday(_times(data), PLACES[place], weekday)


def _cron(data: Mapping[str, Any]) -> Cron:
    expression = data.get("expression")
    try:
        cron = read_cron(expression if isinstance(expression, str) else "")
    except BadCron as error:
        raise BadSchedule("expression", str(error)) from error
    _check_distances(cron.times, "expression")
    if not next_times(cron, ZoneInfo("UTC"), LONG_AGO, 1):
        raise BadSchedule(
            "expression", "This never comes: no date has this day in this month. Change a day field."
        )
    return cron


READERS: dict[str, Callable[[Mapping[str, Any]], Schedule]] = {
    "minutes": _minutes,
    "hours": _hours,
    "times": _times_a_day,
    "weekdays": _weekdays,
    "month_days": _month_days,
    "month_weekday": _month_weekday,
    "cron": _cron,
}


def _number(data: Mapping[str, Any], key: str, least: int, most: int, unit: str) -> int:
    value = data.get(key)
    if not _is_number(value, least, most):
        raise BadSchedule(key, f"Give a whole number of {unit} from {least} to {most}.")
    return value


def _is_number(value: object, least: int, most: int) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def _listed(data: Mapping[str, Any], key: str) -> list[Any]:
    value = data.get(key)
    return value if isinstance(value, list) else []


def _times(data: Mapping[str, Any]) -> tuple[time, ...]:
    """Sorted, each once."""
    written = _listed(data, "times")
    if not written:
        raise BadSchedule("times", "Give at least one time of day, as 06:00.")
    times = tuple(sorted({_time(one) for one in written}))
    if len(times) > TIMES_MOST:
        raise BadSchedule(
            "times", f"Give at most {TIMES_MOST} times a day; for more, choose every so many minutes."
        )
    _check_distances(times, "times")
    return times


def _time(written: object) -> time:
    try:
        if not isinstance(written, str):
            raise ValueError
        return datetime.strptime(written.strip(), "%H:%M").time()  # noqa: DTZ007  a time of day has no zone
    except ValueError:
        raise BadSchedule(
            "times", f"“{str(written)[:20]}” is not a time of day. Write 06:00 or 18:30."
        ) from None


def _check_distances(times: Sequence[time], field: str) -> None:
    minutes = [at.hour * HOUR_MINUTES + at.minute for at in times]
    following = [*minutes[1:], minutes[0] + DAY_MINUTES]
    closest = min(later - earlier for earlier, later in zip(minutes, following, strict=True))
    if closest < CLOSEST_MINUTES:
        raise BadSchedule(
            field,
            f"Full runs start at least {CLOSEST_MINUTES} minutes apart. What changes in between is followed at once, "
            "without a schedule.",
        )
