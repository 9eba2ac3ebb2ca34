"""The form of when a goal runs: in the set-up and on the goal's page, with the next runs shown while one chooses."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, time
from typing import Any

from django import forms
from django.urls import reverse
from django.utils import timezone
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from connectors import look
from connectors.models import Goal
from connectors.schedules import BadSchedule, Schedule, in_quiet_hours, in_words, next_times, parse
from connectors.schedules.kinds import Interval
from connectors.schedules.parsing import LAST_DAY, MONTH_DAYS_MOST, PLACES
from connectors.schedules.words import WEEKDAYS
from connectors.sync.watching import scheduling
from connectors.wizard.when import When

BY_HAND = "manual"
KINDS = (
    (BY_HAND, "By hand", "Only when a person presses “Run now”."),
    ("minutes", "Every so many minutes", "From midnight on; 5 is the shortest."),
    ("hours", "Every so many hours", "From midnight on."),
    ("times", "Times of the day", "One or several, every day."),
    ("weekdays", "Days of the week", "Such as weekdays at 06:00."),
    ("month_days", "Days of the month", "Such as the 1st, or the last day."),
    ("month_weekday", "A weekday of the month", "Such as the first Monday."),
    ("cron", "Cron expression", "For who knows crontabs."),
)
FIELD_OF = {"minutes": {"every": "every_minutes"}, "hours": {"every": "every_hours"}}
MOST_TIMES_POSTED = 100


class TimesWidget(forms.TextInput):
    """Several inputs of one name; without JavaScript one of them."""

    def value_from_datadict(self, data: Any, files: Any, name: str) -> list[str]:
        posted = data.getlist(name) if hasattr(data, "getlist") else data.get(name, [])
        return [value for value in posted[:MOST_TIMES_POSTED] if value.strip()]


class TimesField(forms.Field):
    widget = TimesWidget


class ClockInput(forms.TimeInput):
    input_type = "time"

    def __init__(self) -> None:
        super().__init__(attrs={"class": "conn-input conn-clock"}, format="%H:%M")


class WhenForm(forms.Form):
    """Valid when the schedule can be read and comes; `cleaned_when` is what to keep."""

    real_time = forms.BooleanField(required=False)
    kind = forms.ChoiceField(
        choices=[(key, label) for key, label, _ in KINDS],
        widget=forms.RadioSelect,
        error_messages={"required": "Choose how often it runs."},
    )
    every_minutes = forms.IntegerField(label="Minutes", required=False, widget=forms.NumberInput())
    every_hours = forms.IntegerField(label="Hours", required=False, widget=forms.NumberInput())
    weekdays = forms.TypedMultipleChoiceField(
        choices=list(enumerate(WEEKDAYS)), coerce=int, required=False, widget=forms.CheckboxSelectMultiple
    )
    days = forms.MultipleChoiceField(
        choices=[(str(day), str(day)) for day in range(1, MONTH_DAYS_MOST + 1)] + [(LAST_DAY, "last day")],
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    place = forms.ChoiceField(
        label="Which",
        choices=[(key, key) for key in PLACES],
        required=False,
        widget=UnfoldAdminSelectWidget(),
    )
    weekday = forms.TypedChoiceField(
        label="Day of the week",
        choices=list(enumerate(WEEKDAYS)),
        coerce=int,
        required=False,
        widget=UnfoldAdminSelectWidget(),
    )
    expression = forms.CharField(
        label="Cron expression",
        max_length=100,
        required=False,
        widget=UnfoldAdminTextInputWidget(attrs={"placeholder": "0 6 * * 1-5", "spellcheck": "false"}),
        help_text="Minute, hour, day of the month, month, day of the week.",
    )
    times = TimesField(required=False)
    expected_by = forms.TimeField(label="Expected by", required=False, widget=ClockInput())
    quiet_from = forms.TimeField(label="Quiet from", required=False, widget=ClockInput())
    quiet_until = forms.TimeField(label="until", required=False, widget=ClockInput())

    def __init__(self, data: Any, *, goal: Goal) -> None:
        super().__init__(data, initial=initial_of(goal))
        self.goal = goal
        self.schedule: Schedule | None = None
        for name in ("every_minutes", "every_hours"):
            self.fields[name].widget.attrs["class"] = "conn-input conn-clock"

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        self.check_schedule(cleaned)
        self.check_quiet_hours(cleaned)
        self.check_expected_by(cleaned)
        return cleaned

    def check_schedule(self, cleaned: dict[str, Any]) -> None:
        cleaned["schedule"] = None
        if cleaned.get("kind") in (None, BY_HAND):
            return
        data = to_data(cleaned)
        try:
            self.schedule = parse(data)
        except BadSchedule as problem:
            field = FIELD_OF.get(data["kind"], {}).get(problem.field, problem.field)
            if field not in self.errors:
                self.add_error(field, str(problem))
        else:
            cleaned["schedule"] = data

    def check_quiet_hours(self, cleaned: dict[str, Any]) -> None:
        begin, end = cleaned.get("quiet_from"), cleaned.get("quiet_until")
        if "quiet_from" in self.errors or "quiet_until" in self.errors:
            return
        if (begin is None) != (end is None):
            missing = "quiet_from" if begin is None else "quiet_until"
            self.add_error(missing, "Give both times, or neither: then it never keeps quiet.")
        elif begin is not None and begin == end:
            self.add_error("quiet_until", "Give another time than the one it begins at, or neither.")

    def check_expected_by(self, cleaned: dict[str, Any]) -> None:
        by = cleaned.get("expected_by")
        if by is None:
            return
        if cleaned.get("kind") == BY_HAND:
            self.add_error("expected_by", "Choose a schedule first: by hand, no run is expected.")
        elif self.schedule is not None and first_of_day(self.schedule) > by:
            self.add_error(
                "expected_by",
                f"Its first run of a day is due at {first_of_day(self.schedule):%H:%M}: give that time or a later one.",
            )

    @property
    def cleaned_when(self) -> When:
        return When(
            real_time=self.cleaned_data["real_time"],
            schedule=self.cleaned_data["schedule"],
            expected_by=self.cleaned_data["expected_by"],
            quiet_from=self.cleaned_data["quiet_from"],
            quiet_until=self.cleaned_data["quiet_until"],
        )

    # For the template

    def kind_choices(self) -> list[tuple[Any, str]]:
        return list(zip(self["kind"], (words for _, _, words in KINDS), strict=True))

    def shown_times(self) -> str:
        """As JSON."""
        return json.dumps(list(self["times"].value()) or [""])


def initial_of(goal: Goal) -> dict[str, Any]:
    """A stored schedule that cannot be read any more is shown as far as it goes."""
    kept: Mapping[str, Any] = goal.schedule if isinstance(goal.schedule, Mapping) else {}
    kind = kept.get("kind", BY_HAND)
    return {
        "real_time": goal.real_time,
        "kind": kind,
        "every_minutes": kept.get("every") if kind == "minutes" else 30,
        "every_hours": kept.get("every") if kind == "hours" else 6,
        "weekdays": kept.get("weekdays", [0, 1, 2, 3, 4]),
        "days": [str(day) for day in kept.get("days", [1])],
        "place": kept.get("place", "first"),
        "weekday": kept.get("weekday", 0),
        "expression": kept.get("expression", ""),
        "times": kept.get("times", ["06:00"]),
        "expected_by": goal.expected_by,
        "quiet_from": goal.quiet_from,
        "quiet_until": goal.quiet_until,
    }


def to_data(cleaned: Mapping[str, Any]) -> dict[str, Any]:
    """What the chosen kind needs of what was filled in, in the form that `parse` reads."""
    kind, times = cleaned["kind"], cleaned.get("times", [])
    own: dict[str, dict[str, Any]] = {
        "minutes": {"every": cleaned.get("every_minutes")},
        "hours": {"every": cleaned.get("every_hours")},
        "times": {"times": times},
        "weekdays": {"weekdays": cleaned.get("weekdays", []), "times": times},
        "month_days": {"days": [_day(day) for day in cleaned.get("days", [])], "times": times},
        "month_weekday": {"place": cleaned.get("place"), "weekday": cleaned.get("weekday"), "times": times},
        "cron": {"expression": cleaned.get("expression", "")},
    }
    return {"kind": kind, **own[kind]}


def _day(written: str) -> int | str:
    return written if written == LAST_DAY else int(written)


def first_of_day(schedule: Schedule) -> time:
    return time() if isinstance(schedule, Interval) else min(schedule.times)


@dataclass(frozen=True, slots=True)
class NextRun:
    """Both by the clock of the account; `sends_from`: the end of the quiet hours that it falls into."""

    at: datetime
    sends_from: datetime | None

    def day_and_time(self) -> str:
        return f"{self.at:%a} {self.at.day} {self.at:%b %Y}, {self.at:%H:%M}"

    def zone(self) -> str:
        """CET or CEST: says that the clock is changed in between."""
        return self.at.tzname() or ""

    def ahead(self) -> str:
        return look.ahead(self.at)


@dataclass(frozen=True, slots=True)
class NextRuns:
    words: str
    runs: list[NextRun]
    zone: str
    is_on: bool


def next_runs(goal: Goal, schedule: Schedule | None) -> NextRuns:
    """The next three, as they are or would be if the goal were on; `goal` has the quiet hours to count with."""
    zone = goal.account.zone
    moments = [] if schedule is None else next_times(schedule, zone, timezone.now())
    found = []
    for moment in moments:
        until = in_quiet_hours(goal, moment)
        found.append(NextRun(moment.astimezone(zone), None if until is None else until.astimezone(zone)))
    return NextRuns(in_words(schedule), found, goal.account.time_zone, scheduling.is_on(goal))


def kept_values(goal: Goal) -> dict[str, Any]:
    """The next runs by the stored schedule, or why it cannot be read: for `includes/next_runs.html`."""
    try:
        schedule = None if goal.schedule is None else parse(goal.schedule)
    except BadSchedule as problem:
        return {"next": None, "problem": f"Its schedule cannot be read. {problem}"}
    return {"next": next_runs(goal, schedule), "problem": ""}


def chosen_values(goal: Goal, form: WhenForm) -> dict[str, Any]:
    """The same while one chooses: the first thing to mend, or the next runs. Nothing is kept."""
    if not form.is_valid():
        return {"next": None, "problem": next(iter(form.errors.values()))[0]}
    goal.quiet_from, goal.quiet_until = form.cleaned_data["quiet_from"], form.cleaned_data["quiet_until"]
    return {"next": next_runs(goal, form.schedule), "problem": ""}


def form_values(goal: Goal, form: WhenForm) -> dict[str, Any]:
    """What `includes/when.html` needs besides the form."""
    values = chosen_values(goal, form) if form.is_bound else kept_values(goal)
    return {"preview_url": reverse("admin:connectors_goal_when_next", args=[goal.pk]), **values}
