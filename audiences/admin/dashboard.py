"""People, audiences and consent on the dashboard. Nothing here counts a large table in full."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib.humanize.templatetags.humanize import intcomma
from django.db import connection
from django.db.models import Sum
from django.http import HttpRequest
from django.urls import reverse

from audiences.models import Audience, Objective, Profile
from syncapp.accounts import access
from syncapp.admin.dashboard import Figure, Panel, counted, figure, panel

MOST_PEOPLE_COUNTED = 100_000
SAMPLE = 5_000
AUDIENCES_SHOWN = 6

# Of people: each objective's answers. The sample is the latest of one client, or any rows of several.
ANSWERS = """
SELECT answer.key, answer.value ->> 'state' AS state, count(*)
FROM (
    SELECT consents FROM audiences_profile WHERE account_id = ANY (%s) {order} LIMIT %s
) AS sample, jsonb_each(sample.consents) AS answer
GROUP BY 1, 2
"""
SAMPLED = """
SELECT count(*) FROM (SELECT 1 FROM audiences_profile WHERE account_id = ANY (%s) LIMIT %s) AS sample
"""


@figure(10)
def people(request: HttpRequest) -> Figure:
    return Figure(
        label="People",
        value=counted(Profile.objects.all(), MOST_PEOPLE_COUNTED),
        url=reverse("admin:audiences_profile_changelist"),
        note="known to this client" if access.of(request).selected is not None else "known to these clients",
        icon="group",
    )


@figure(20)
def audiences(request: HttpRequest) -> Figure:
    living = Audience.objects.filter(deleted_at=None)
    members = living.aggregate(total=Sum("member_count"))["total"] or 0
    return Figure(
        label="Audiences",
        value=intcomma(living.count()),
        url=reverse("admin:audiences_audience_changelist"),
        note=f"{intcomma(members)} memberships",
        icon="groups",
    )


@panel(40)
def largest_audiences(request: HttpRequest) -> Panel:
    living = (
        Audience.objects.filter(deleted_at=None).select_related("account").order_by("-member_count", "name")
    )
    found = list(living[:AUDIENCES_SHOWN])
    most = max((audience.member_count for audience in found), default=0)
    return Panel(
        title="Largest audiences",
        template="audiences/dashboard_audiences.html",
        context={"audiences": [(audience, share(audience.member_count, most)) for audience in found]},
        url=reverse("admin:audiences_audience_changelist"),
        url_words="All audiences",
    )


@dataclass(frozen=True, slots=True)
class Shares:
    """Of the sampled people, per hundred; whoever never answered is the rest."""

    label: str
    granted: int
    denied: int

    @property
    def unknown(self) -> int:
        return max(0, 100 - self.granted - self.denied)


@panel(50)
def consent_shares(request: HttpRequest) -> Panel | None:
    account_ids = access.of(request).account_ids
    sampled, answers = sample_answers(account_ids)
    labels = dict(Objective.objects.values_list("key", "label"))
    shares = [
        Shares(
            label,
            share(answers.get((key, "granted"), 0), sampled),
            share(answers.get((key, "denied"), 0), sampled),
        )
        for key, label in labels.items()
    ]
    return Panel(
        title="Consent",
        template="audiences/dashboard_consent.html",
        context={"shares": shares, "sampled": sampled, "is_sample": sampled == SAMPLE},
        side=True,
        url=reverse("admin:audiences_consent_changelist"),
        url_words="The ledger",
    )


def sample_answers(account_ids: list[int]) -> tuple[int, dict[tuple[str, str], int]]:
    """(people looked at, {(objective key, state): people})."""
    order = "ORDER BY id DESC" if len(account_ids) == 1 else ""
    with connection.cursor() as cursor:
        cursor.execute(SAMPLED, [account_ids, SAMPLE])
        sampled = int(cursor.fetchone()[0])
        cursor.execute(ANSWERS.format(order=order), [account_ids, SAMPLE])
        rows: list[Any] = cursor.fetchall()
    return sampled, {(key, state): people for key, state, people in rows}


def share(part: int, whole: int) -> int:
    """Per hundred, rounded; 0 of nothing."""
    return round(100 * part / whole) if whole else 0
