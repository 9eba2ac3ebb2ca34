"""What the page of one person shows. Runs in the scope of the person's account."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.dateparse import parse_datetime

from audiences.admin import wording
from audiences.models import Audience, Consent, Identifier, Member, Objective, Profile, Property

LEDGER_ROWS = 50
AUDIENCES_SHOWN = 100


@dataclass(frozen=True, slots=True)
class Answer:
    """Where a person stands on one objective; `state` is "" without an answer."""

    objective: str
    state: str
    at: datetime | None


def identifiers_of(profile: Profile) -> list[Identifier]:
    return list(Identifier.objects.filter(profile=profile).select_related("property"))


def properties_of(profile: Profile) -> list[tuple[str, str]]:
    """(label, value in words); values whose property is gone come last, under their key."""
    known = {one.key: one for one in Property.objects.all()}
    ordered = [key for key in known if key in profile.properties]
    ordered += [key for key in profile.properties if key not in known]
    return [(known[key].label if key in known else key, in_words(profile.properties[key])) for key in ordered]


def in_words(value: Any) -> str:
    if value is None or value == "" or value == []:
        return "empty"
    if isinstance(value, bool):
        return "Yes" if value else "No"
    if isinstance(value, list):
        return ", ".join(str(one) for one in value)
    return str(value)


def answers_of(profile: Profile) -> list[Answer]:
    """One line per objective, asked or not."""
    found = []
    for objective in Objective.objects.all():
        held = profile.consents.get(objective.key, {})
        at = parse_datetime(held["at"]) if held.get("at") else None
        found.append(Answer(objective.label, held.get("state", ""), at))
    return found


@dataclass(frozen=True, slots=True)
class LedgerLine:
    """One answer of the ledger, in words."""

    row: Consent
    objective: str
    how: str


def ledger_of(profile: Profile) -> list[LedgerLine]:
    """The latest answers, newest first."""
    rows = Consent.objects.filter(profile=profile).order_by("-occurred_at", "-id")[:LEDGER_ROWS]
    labels = wording.objective_labels()
    return [
        LedgerLine(
            row,
            labels.get((row.account_id, row.objective_key), row.objective_key),
            " · ".join([wording.source(row.source), *([wording.method(row.method)] if row.method else [])]),
        )
        for row in rows
    ]


def audiences_of(profile: Profile) -> list[tuple[Audience, datetime]]:
    """(audience, since when)."""
    joined = dict(
        Member.objects.filter(profile=profile, state=Member.State.MEMBER)
        .order_by("-added_at")
        .values_list("audience_id", "added_at")[:AUDIENCES_SHOWN]
    )
    found = Audience.objects.filter(deleted_at=None, pk__in=joined)
    return [(audience, joined[audience.pk]) for audience in found]
