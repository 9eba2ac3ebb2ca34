"""On a person's page: is this person on the lists, and why (not)?"""

from __future__ import annotations

from dataclasses import dataclass

from django.http import HttpRequest

from audiences.admin.panels import Panel, person_panel
from audiences.models import Member, Profile
from connectors import look
from connectors.admin.runpage import outcome_words
from connectors.models import Connection, Goal, Outcome, Subscriber
from connectors.sync import words

LAST_OUTCOMES = 200  # of the person, over all goals: enough to find each goal's latest


@dataclass(frozen=True, slots=True)
class Standing:
    """One goal and one person: the answer in a sentence, with what it rests on."""

    goal: Goal
    connection: Connection
    look: look.Look
    sentence: str
    subscriber: Subscriber | None
    outcome: Outcome | None
    outcome_reason: str


@person_panel
def lists(request: HttpRequest, profile: Profile) -> Panel:
    return Panel("On which lists, and why", "connectors/person/lists.html", {"standings": standings(profile)})


def standings(profile: Profile) -> list[Standing]:
    """Every goal of the account, those that know the person first."""
    goals = list(
        Goal.objects.select_related("connection")
        .prefetch_related("audience_links")
        .order_by("connection__name", "position")
    )
    known = {row.goal_id: row for row in Subscriber.objects.filter(goal__in=goals, profile=profile)}
    latest = latest_outcomes(profile)
    member_of = set(
        Member.objects.filter(profile=profile, state=Member.State.MEMBER).values_list(
            "audience_id", flat=True
        )
    )
    found = [standing(goal, known.get(goal.pk), latest.get(goal.pk), member_of) for goal in goals]
    return sorted(found, key=lambda one: one.subscriber is None)


def latest_outcomes(profile: Profile) -> dict[int, Outcome]:
    """{goal id: the person's latest outcome}."""
    rows = Outcome.objects.filter(profile=profile).order_by("-at").select_related("run")[:LAST_OUTCOMES]
    found: dict[int, Outcome] = {}
    for row in rows:
        found.setdefault(row.run.goal_id, row)
    return found


def standing(
    goal: Goal, subscriber: Subscriber | None, outcome: Outcome | None, member_of: set[int]
) -> Standing:
    shown = look.of_subscriber(subscriber) if subscriber is not None else not_planned(goal, member_of)
    return Standing(
        goal=goal,
        connection=goal.connection,
        look=shown,
        sentence=sentence(goal, subscriber, shown),
        subscriber=subscriber,
        outcome=outcome,
        outcome_reason=outcome_words(outcome) if outcome is not None else "",
    )


def not_planned(goal: Goal, member_of: set[int]) -> look.Look:
    audiences = {link.audience_id for link in goal.audience_links.all()}
    if not audiences & member_of:
        return look.Look("block", "Not on the list", "idle", "in none of the goal’s audiences")
    return look.Look(
        "radio_button_unchecked", "Not planned yet", "idle", "the goal has not run since the person came"
    )


def sentence(goal: Goal, subscriber: Subscriber | None, shown: look.Look) -> str:
    """“Not on “Newsletter”: refused consent, since 3 days ago.”"""
    place = f"“{goal.list_name or goal.name}”"
    if subscriber is None:
        return f"Not on {place}: {shown.reason}."
    since = look.ago(subscriber.accepted_at or subscriber.updated_at)
    if subscriber.due_at is not None:
        return f"{shown.word} ({place}). {shown.reason or stopped_by(goal)}".strip()
    if subscriber.error_code:
        return f"Not on {place} as wanted: the ESP rejected the person. {shown.reason}"
    if subscriber.wanted == Subscriber.Wanted.ON:
        return (
            f"On {place}: the ESP accepted the person {since}."
            if subscriber.accepted_hash
            else f"Not on {place} yet."
        )
    reason = words.reason(subscriber.reason).lower()
    if shown.word == "Left on the list":
        return f"Still on {place}, though {reason}: this goal leaves people there."
    return f"Not on {place}: {reason}, since {look.ago(subscriber.updated_at)}."


def stopped_by(goal: Goal) -> str:
    """Why a waiting person is not sent."""
    connection = goal.connection
    if not connection.enabled or not goal.enabled:
        return "It is switched off: nothing is sent."
    if connection.state != Connection.State.HEALTHY:
        return str(connection.state_reason)
    return "It is sent with the next batch."
