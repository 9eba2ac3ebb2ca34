"""People nobody tries any more: refused by the ESP, given up, or quarantined; and how to try them again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse

from connectors import look
from connectors.admin.tools import given
from connectors.models import Goal
from connectors.sync import words
from connectors.sync.delivering import deadletters

PER_PAGE = 50


@dataclass(frozen=True, slots=True)
class Failure:
    """One class of failures; `people` is a lower bound when `is_more`."""

    error_class: str
    code: str
    label: str
    words: str
    people: int
    is_more: bool
    url: str


def failures(goal: Goal) -> list[Failure]:
    """The classes of the goal's failed people, the most common first."""
    return [
        Failure(
            one.error_class,
            one.error_code,
            look.DEAD_WORDS.get(one.error_class, "Given up"),
            one.message or words.reason(one.error_code),
            one.people,
            one.is_more,
            address(goal, error_class=one.error_class, code=one.error_code),
        )
        for one in deadletters.classes(goal)
    ]


def page_of(goal: Goal, query: Mapping[str, str]) -> dict[str, Any]:
    """One page of failed people, by key."""
    chosen = {"error_class": given(query, "error_class"), "code": given(query, "code")}
    rows = deadletters.dead(goal).order_by("profile_id")
    if chosen["error_class"]:
        rows = rows.filter(error_class=chosen["error_class"], error_code=chosen["code"])
    after = given(query, "after")
    if after.isdecimal():
        rows = rows.filter(profile_id__gt=int(after[:18]))
    found = list(rows.select_related("profile")[: PER_PAGE + 1])
    more = len(found) > PER_PAGE
    classes = failures(goal)
    return {
        "failures": classes,
        "people": found[:PER_PAGE],
        "chosen": chosen,
        "chosen_failure": next(
            (
                one
                for one in classes
                if (one.error_class, one.code) == (chosen["error_class"], chosen["code"])
            ),
            None,
        ),
        "everybody": address(goal),
        "next": address(goal, **chosen, after=str(found[PER_PAGE - 1].profile_id)) if more else "",
        "first": address(goal, **chosen) if after else "",
        "connection": goal.connection,
    }


def address(goal: Goal, **query: str) -> str:
    base = reverse("admin:connectors_goal_failed", args=[goal.pk])
    kept = {name: value for name, value in query.items() if value != ""}
    return f"{base}?{urlencode(kept)}" if kept else base
