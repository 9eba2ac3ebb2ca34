"""Who is on a goal's list and who is not, and why: paged by key, never counted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.db.models import Q, QuerySet
from django.urls import reverse

from audiences.models import Profile
from connectors.admin.tools import given
from connectors.models import Goal, Run, Subscriber
from connectors.sync import words

PER_PAGE = 50
MOST_FOUND = 200  # people an address search looks at
LAST_LETTER = "\U0010ffff"

# key → (words, condition)
VIEWS: dict[str, tuple[str, Q]] = {
    "": ("Everybody", Q()),
    "on": ("On the list", Q(wanted="on", due_at=None, error_code="") & ~Q(accepted_hash=None)),
    "off": ("Not on the list", Q(wanted="off", due_at=None)),
    "due": ("Waiting", ~Q(due_at=None)),
    "error": ("Rejected", ~Q(error_code="")),
}


def page_of(goal: Goal, query: Mapping[str, str]) -> dict[str, Any]:
    """The people of one page, and links for the filters and the next page."""
    view = query.get("view", "") if query.get("view", "") in VIEWS else ""
    reason, search, run_id = given(query, "reason"), given(query, "q").strip(), given(query, "run")
    rows = Subscriber.objects.filter(VIEWS[view][1], goal=goal).order_by("profile_id")
    if reason:
        rows = rows.filter(reason=reason)
    if search:
        rows = rows.filter(profile_id__in=profiles_at(search))
    run = run_of(goal, run_id)
    if run is not None:
        rows = (
            rows.filter(accepted_at__lt=run.queued_at)
            if view == "on"
            else rows.filter(run=run).exclude(due_at=None)
        )
    found, after = paged(rows, query.get("after", ""))
    kept = {"view": view, "reason": reason, "q": search, "run": run_id}
    address = reverse("admin:connectors_goal_people", args=[goal.pk])
    return {
        "people": found,
        "view": view,
        "reason": reason,
        "search": search,
        "views": [
            (key, label, link(address, kept, view=key, reason="")) for key, (label, _) in VIEWS.items()
        ],
        "reasons": [
            (code, text, link(address, kept, reason=code, view="off")) for code, text in reasons_of()
        ],
        "next": link(address, kept, after=after) if after else "",
        "first": link(address, kept) if query.get("after") else "",
        "connection": goal.connection,
    }


def reasons_of() -> list[tuple[str, str]]:
    return [("", "any reason"), *words.REASONS.items()]


def run_of(goal: Goal, run_id: str) -> Run | None:
    """The run whose people are asked for: those waiting in it, or in step already when it began."""
    try:
        return goal.runs.filter(pk=UUID(run_id)).first()
    except ValueError:
        return None


def profiles_at(written: str) -> list[int]:
    """People with this address, or whose address begins like this; by the index, so in lower case only."""
    start = written.lower()
    rows = Profile.objects.filter(email__gte=start, email__lt=start + LAST_LETTER).order_by("email")
    return [pk for pk, email in rows.values_list("pk", "email")[:MOST_FOUND] if email.startswith(start)]


def paged(rows: QuerySet[Subscriber], after: str) -> tuple[list[Subscriber], str]:
    if after.isdecimal():
        rows = rows.filter(profile_id__gt=int(after[:18]))
    found = list(rows.select_related("profile")[: PER_PAGE + 1])
    more = len(found) > PER_PAGE
    return found[:PER_PAGE], str(found[PER_PAGE - 1].profile_id) if more else ""


def link(address: str, kept: Mapping[str, str], **changed: str) -> str:
    query = {name: value for name, value in {**kept, **changed}.items() if value != ""}
    return f"{address}?{urlencode(query)}" if query else address
