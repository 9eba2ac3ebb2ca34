"""What a run's page shows: counters that visibly add up, each opening its people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.db import models
from django.urls import reverse

from audiences.models import Property
from connectors.admin.tools import given
from connectors.models import Goal, Outcome, Run
from connectors.sync import words
from connectors.wizard.mapping import source_words

PER_PAGE = 50
MOST_REJECTIONS = 100_000  # beyond, telling reasons apart would slow the page
REASONS_SHOWN = 10


@dataclass(frozen=True, slots=True)
class Count:
    """A number, what it counts, and the page of the people it counts."""

    label: str
    people: int
    url: str = ""
    tone: str = "idle"


@dataclass(frozen=True, slots=True)
class Stage:
    label: str
    people: int
    lost: list[Count]


def people_url(run: Run, **query: str) -> str:
    return f"{reverse('admin:connectors_run_people', args=[run.pk])}?{urlencode(query)}"


def in_step_url(run: Run) -> str:
    """Who was in step already has no outcome: the goal's list shows them, as long as they still are."""
    return f"{reverse('admin:connectors_goal_people', args=[run.goal_id])}?view=on&run={run.pk}"


def waiting_url(run: Run) -> str:
    return f"{reverse('admin:connectors_goal_people', args=[run.goal_id])}?view=due&run={run.pk}"


def summary(run: Run) -> dict[str, Any]:
    return {
        "terms": terms(run),
        "removal_terms": removal_terms(run) if run.removals else [],
        "sum": sum(term.people for term in terms(run)),
        "removal_sum": sum(term.people for term in removal_terms(run)),
        "stages": stages(run),
        "skipped": skipped(run),
        "rejections": rejections(run),
    }


def terms(run: Run) -> list[Count]:
    """The summands of `checked`."""
    return [
        Count("added", run.created, people_url(run, result="created"), "good"),
        Count("updated", run.updated, people_url(run, result="updated"), "busy"),
        Count("unchanged", run.unchanged, in_step_url(run)),
        Count("not sent", run.skipped_total, people_url(run, result="skipped"), "warn"),
        Count("rejected", run.rejected, people_url(run, result="rejected", kind="people"), "bad"),
        *(
            [Count("given up", run.dead, people_url(run, result="dead", kind="people"), "bad")]
            if run.dead
            else []
        ),
        *([Count("waiting", run.waiting, waiting_url(run), "busy")] if run.waiting else []),
    ]


def removal_terms(run: Run) -> list[Count]:
    """The summands of `removals`."""
    found = [
        Count("taken off", run.removed, people_url(run, result="removed"), "warn"),
        Count("rejected", run.removal_rejected, people_url(run, result="rejected", kind="removals"), "bad"),
        Count("given up", run.removal_dead, people_url(run, result="dead", kind="removals"), "bad"),
        Count("not done", run.removal_skipped, people_url(run, result="skipped", kind="removals")),
        Count("waiting", run.removal_waiting, waiting_url(run), "busy"),
    ]
    return [count for count in found if count.people or count.label == "taken off"]


def skipped(run: Run) -> list[Count]:
    """Reasons, the most common first."""
    by_people = sorted(run.skipped.items(), key=lambda item: -item[1])
    return [
        Count(words.reason(code), people, people_url(run, result="skipped", kind="people", code=code))
        for code, people in by_people
    ]


def rejections(run: Run) -> list[Count]:
    """The ESP's reasons, the most common first, each with the words it gave to one of the people."""
    if not 0 < run.rejected + run.removal_rejected <= MOST_REJECTIONS:
        return []
    rejected = Outcome.objects.filter(run=run, result=Outcome.Result.REJECTED)
    by_code = (
        rejected.order_by().values_list("code").annotate(people=models.Count("code")).order_by("-people")
    )
    return [
        Count(
            said_by_esp(rejected.filter(code=code), code),
            people,
            people_url(run, result="rejected", code=code),
        )
        for code, people in by_code[:REASONS_SHOWN]
    ]


def said_by_esp(rejected: Any, code: str) -> str:
    message = rejected.order_by("profile_id").values_list("message", flat=True).first()
    return message or f"Code {code}"


def stages(run: Run) -> list[Stage]:
    """Received → may be mailed → to be sent → accepted, with who was lost where."""
    allowed = run.checked - run.skipped_total
    to_send = allowed - run.unchanged
    rejected = Count(
        "rejected by the ESP", run.rejected, people_url(run, result="rejected", kind="people"), "bad"
    )
    given_up = Count("given up", run.dead, people_url(run, result="dead", kind="people"), "bad")
    waiting = Count("waiting", run.waiting, waiting_url(run), "busy")
    unchanged = Count("unchanged", run.unchanged, in_step_url(run))
    return [
        Stage("In the audiences", run.checked, []),
        Stage("May be mailed", allowed, skipped(run)),
        Stage("To be sent", to_send, [unchanged] if run.unchanged else []),
        Stage(
            "Accepted",
            run.created + run.updated,
            [lost for lost in (rejected, given_up, waiting) if lost.people],
        ),
    ]


def acts(run: Run) -> set[str]:
    """What can be done with the run from its page."""
    found = set()
    if run.state in (Run.State.QUEUED, Run.State.RUNNING, Run.State.WAITING):
        found.add("cancel")
    if not run.is_open and run.removed and not run.undone_by.exists():
        found.add("undo")
    if not run.is_open and run.rejected + run.removal_rejected + run.dead + run.removal_dead:
        found.add("replay")
    return found


# People

FILTERS = [
    ("", "", "Everybody with an outcome"),
    ("created", "", "Added"),
    ("updated", "", "Updated"),
    ("skipped", "people", "Not sent"),
    ("rejected", "", "Rejected"),
    ("dead", "", "Given up"),
    ("removed", "", "Taken off"),
]
KINDS: dict[str, tuple[str, ...]] = {"people": Outcome.ADDING, "removals": Outcome.TAKING_OFF}


def people(run: Run, query: Mapping[str, str]) -> dict[str, Any]:
    """One page of outcomes, by key: (result, code, profile)."""
    chosen = {name: given(query, name) for name in ("result", "kind", "code")}
    rows = Outcome.objects.filter(
        run=run, **{name: chosen[name] for name in ("result", "code") if chosen[name]}
    )
    if chosen["kind"] in KINDS:
        rows = rows.filter(operation__in=KINDS[chosen["kind"]])
    found, after = paged(rows, given(query, "after"))
    for outcome in found:
        outcome.words = outcome_words(outcome)  # type: ignore[attr-defined]
    return {
        "outcomes": found,
        "chosen": chosen,
        "code_words": words.reason(chosen["code"]) if chosen["code"] else "",
        "filters": [
            (label, people_url(run, result=result, kind=kind), result == chosen["result"])
            for result, kind, label in FILTERS
        ],
        "next": people_url(run, **chosen, after=after) if after else "",
        "first": people_url(run, **chosen) if query.get("after") else "",
        "in_step": in_step_url(run),
    }


def paged(rows: Any, after: str) -> tuple[list[Outcome], str]:
    """The next rows after a key written `result.code.profile`, and the key of the last when there are more."""
    result, _, rest = after.partition(".")
    code, _, last_id = rest.rpartition(".")
    if last_id.isdecimal():
        table = Outcome._meta.db_table
        rows = rows.extra(  # noqa: S610  the ORM cannot compare rows; the values are parameters
            where=[f"({table}.result, {table}.code, {table}.profile_id) > (%s, %s, %s)"],
            params=[result, code, int(last_id[:18])],
        )
    found = list(rows.select_related("profile").order_by("result", "code", "profile_id")[: PER_PAGE + 1])
    if len(found) <= PER_PAGE:
        return found, ""
    last = found[PER_PAGE - 1]
    return found[:PER_PAGE], f"{last.result}.{last.code}.{last.profile_id}"


def outcome_words(outcome: Outcome) -> str:
    """The reason of one person, in words."""
    if outcome.result == Outcome.Result.SKIPPED:
        return words.reason(outcome.code)
    if outcome.message:
        return f"{outcome.message} (code {outcome.code})" if outcome.code else outcome.message
    return f"Code {outcome.code}" if outcome.code else ""


def settings_used(run: Run) -> list[tuple[str, str]]:
    """The goal as it was when the run was planned, in words."""
    if not run.settings:
        return []
    properties = list(Property.objects.all())
    fields = [
        f"{source_words(source, properties)} → {target}" for source, target in run.settings.get("fields", [])
    ]
    leavers = dict(Goal.Leavers.choices).get(run.settings.get("leavers", ""), "")
    return [
        ("List", run.settings.get("list_name") or run.settings.get("list_id", "")),
        ("Audiences", ", ".join(run.settings.get("audiences", []))),
        ("Objectives", " or ".join(run.settings.get("objectives", []))),
        ("People who leave", str(leavers)),
        ("Fields", "; ".join(["E-mail address", *fields])),
        ("Version of the goal", str(run.settings.get("version", ""))),
    ]
