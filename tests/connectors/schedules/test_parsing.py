"""What is refused says at which field and what to do; what is accepted is said back in words."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.schedules import BadSchedule, in_words, next_times, parse
from tests.connectors.schedules.walking import AMSTERDAM

AT_SIX = {"times": ["06:00"]}


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"kind": "minutes", "every": 15}, "Every 15 minutes"),
        ({"kind": "minutes", "every": 25}, "Every 25 minutes, counted anew from midnight"),
        ({"kind": "hours", "every": 1}, "Every hour"),
        ({"kind": "hours", "every": 6}, "Every 6 hours"),
        ({"kind": "hours", "every": 7}, "Every 7 hours, counted anew from midnight"),
        ({"kind": "times", "times": ["18:00", "06:00", "6:00"]}, "Every day at 06:00 and 18:00"),
        ({"kind": "weekdays", "weekdays": [0, 1, 2, 3, 4], **AT_SIX}, "On weekdays at 06:00"),
        ({"kind": "weekdays", "weekdays": [5, 6], **AT_SIX}, "On Saturdays and Sundays at 06:00"),
        ({"kind": "weekdays", "weekdays": [2, 0], **AT_SIX}, "On Mondays and Wednesdays at 06:00"),
        ({"kind": "month_days", "days": [1, 22], **AT_SIX}, "On the 1st and 22nd of the month at 06:00"),
        (
            {"kind": "month_days", "days": ["last", 13], **AT_SIX},
            "On the 13th and last day of the month at 06:00",
        ),
        (
            {"kind": "month_days", "days": [31], **AT_SIX},
            "On the 31st of the month at 06:00; a month without a 31st has its last day instead",
        ),
        (
            {"kind": "month_weekday", "place": "last", "weekday": 4, **AT_SIX},
            "On the last Friday of the month at 06:00",
        ),
        ({"kind": "cron", "expression": " 0  6 * * mon-fri"}, "By cron: 0 6 * * mon-fri"),
    ],
)
def test_in_words(data, words):
    assert in_words(parse(data)) == words


def test_no_schedule_in_words():
    assert in_words(None) == "Only when a person starts it"


@pytest.mark.parametrize(
    ("data", "field", "words"),
    [
        (None, "kind", "Choose how often"),
        ([], "kind", "Choose how often"),
        ({"kind": "yearly"}, "kind", "Choose how often"),
        ({"kind": ["times"]}, "kind", "Choose how often"),
        ({"kind": "minutes"}, "every", "from 5 to 59"),
        ({"kind": "minutes", "every": 4}, "every", "from 5 to 59"),
        ({"kind": "minutes", "every": "15"}, "every", "from 5 to 59"),
        ({"kind": "minutes", "every": True}, "every", "from 5 to 59"),
        ({"kind": "hours", "every": 0}, "every", "from 1 to 23"),
        ({"kind": "hours", "every": 24}, "every", "from 1 to 23"),
        ({"kind": "times", "times": []}, "times", "at least one time"),
        ({"kind": "times", "times": "06:00"}, "times", "at least one time"),
        ({"kind": "times", "times": ["24:00"]}, "times", "“24:00” is not a time of day"),
        ({"kind": "times", "times": ["noon"]}, "times", "“noon” is not a time of day"),
        ({"kind": "times", "times": [600]}, "times", "“600” is not a time of day"),
        ({"kind": "times", "times": ["06:00", "06:04"]}, "times", "5 minutes apart"),
        ({"kind": "times", "times": ["23:58", "00:00"]}, "times", "5 minutes apart"),
        (
            {"kind": "times", "times": [f"{h:02}:{m}" for h in range(24) for m in (10, 40)]},
            "times",
            "at most 24",
        ),
        ({"kind": "weekdays", "weekdays": [], **AT_SIX}, "weekdays", "at least one day"),
        ({"kind": "weekdays", "weekdays": [7], **AT_SIX}, "weekdays", "at least one day"),
        ({"kind": "weekdays", "weekdays": [0]}, "times", "at least one time"),
        ({"kind": "month_days", "days": [], **AT_SIX}, "days", "from 1 to 31"),
        ({"kind": "month_days", "days": [32], **AT_SIX}, "days", "from 1 to 31"),
        ({"kind": "month_days", "days": [0], **AT_SIX}, "days", "from 1 to 31"),
        ({"kind": "month_weekday", "place": "fifth", "weekday": 0, **AT_SIX}, "place", "or last"),
        ({"kind": "month_weekday", "place": "last", **AT_SIX}, "weekday", "day of the week"),
        ({"kind": "cron"}, "expression", "Five fields"),
        ({"kind": "cron", "expression": "0 6 * *"}, "expression", "Five fields"),
        ({"kind": "cron", "expression": "0 0 6 * * *"}, "expression", "Five fields"),
        ({"kind": "cron", "expression": "@daily"}, "expression", "Five fields"),
        ({"kind": "cron", "expression": "0 25 * * *"}, "expression", "“25” cannot be the hour"),
        ({"kind": "cron", "expression": "0 6 * * MOO"}, "expression", "“MOO” cannot be the day of week"),
        ({"kind": "cron", "expression": "0 6 32 * *"}, "expression", "“32” cannot be the day of month"),
        ({"kind": "cron", "expression": "1#2/3 6 * * *"}, "expression", "“1#2/3” cannot be the minute"),
        ({"kind": "cron", "expression": "0 6 * * " + "9" * 5000}, "expression", "Five fields"),
        ({"kind": "cron", "expression": "0 0 31 2 *"}, "expression", "would never run"),
        ({"kind": "cron", "expression": "0 0 30-31 2 *"}, "expression", "would never run"),
        ({"kind": "cron", "expression": "0 0 31 4,6,9,11 *"}, "expression", "would never run"),
        ({"kind": "cron", "expression": "0 0 31 2 */2"}, "expression", "would never run"),
        ({"kind": "cron", "expression": "* * * * *"}, "expression", "5 minutes apart"),
        ({"kind": "cron", "expression": "*/2 6 * * *"}, "expression", "5 minutes apart"),
    ],
)
def test_what_is_refused(data, field, words):
    with pytest.raises(BadSchedule) as refused:
        parse(data)
    assert refused.value.field == field
    assert words in str(refused.value)


json_like = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=5,
)
KINDS = ["minutes", "hours", "times", "weekdays", "month_days", "month_weekday", "cron"]
KEYS = ["every", "times", "weekdays", "days", "place", "weekday", "expression"]


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(st.sampled_from(KEYS), json_like), st.sampled_from(KINDS) | json_like)
def test_any_json_is_read_or_refused_in_words(data, kind):
    refuses_or_runs({**data, "kind": kind})


@settings(max_examples=400, deadline=None)
@given(st.text(alphabet="0123456789*/,-#LWSUNMOwed? \x00", max_size=24))
def test_any_expression_is_read_or_refused_in_words(expression):
    refuses_or_runs({"kind": "cron", "expression": expression})


def refuses_or_runs(data) -> None:
    problem, schedule = None, None
    try:
        schedule = parse(data)
    except BadSchedule as refused:
        problem = refused
    if schedule is None:
        assert problem.field in [*KEYS, "kind"]
        assert str(problem).endswith(".")
    else:
        assert in_words(schedule)
        assert next_times(schedule, AMSTERDAM, datetime(2026, 11, 21, tzinfo=UTC), 1)
