"""What the rows of the list of audiences show beside themselves: one query each for all rows of the page."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django.db.models import Count, Q, QuerySet
from django.utils import timezone

from audiences.admin import folders, wording
from audiences.admin.audience_filters import ACTIVE, ARCHIVED, DELETED, STATES
from audiences.models import Audience, AudienceSize
from audiences.reach import reaches_of
from audiences.uses import counts_of

TREND_DAYS = 30
SPARK_WIDTH, SPARK_HEIGHT = 64, 18


@dataclass(frozen=True, slots=True)
class Trend:
    """`points` of a small line; `change` in members since its first day."""

    points: str
    change: int
    since: date


def furnish(rows: Sequence[Any]) -> None:
    """Give each audience its `uses`, `trend` and `reached` [(objective, members)]; None where it is not known."""
    ids = [row.pk for row in rows]
    uses, trends, reached = counts_of(ids), trends_of(rows), reach_of_rows(rows)
    labels = wording.objective_labels()
    for row in rows:
        row.uses = uses.get(row.pk, 0)
        row.trend = trends.get(row.pk)
        counts = reached.get(row.pk)
        row.reached = None if counts is None else in_words(row.account_id, counts, labels)


def in_words(
    account_id: int, counts: Mapping[str, int], labels: Mapping[tuple[int, str], str]
) -> list[tuple[str, int]]:
    """Every objective of the client; one that nobody granted is 0."""
    return [(label, counts.get(key, 0)) for (account, key), label in labels.items() if account == account_id]


def trends_of(rows: Collection[Any]) -> dict[int, Trend]:
    """By audience; those with fewer than two days on record have none."""
    since = timezone.now().date() - timedelta(days=TREND_DAYS)
    sizes: dict[int, list[tuple[date, int]]] = {}
    found = AudienceSize.objects.filter(audience_id__in=[row.pk for row in rows], day__gte=since)
    for audience_id, day, members in found.order_by("day").values_list("audience_id", "day", "members"):
        sizes.setdefault(audience_id, []).append((day, members))
    return {audience_id: to_trend(days) for audience_id, days in sizes.items() if len(days) > 1}


def to_trend(days: Sequence[tuple[date, int]]) -> Trend:
    first, last = days[0], days[-1]
    least, most = min(members for _, members in days), max(members for _, members in days)
    width = max((last[0] - first[0]).days, 1)
    points = [
        (
            SPARK_WIDTH * (day - first[0]).days / width,
            2 + (SPARK_HEIGHT - 4) * (1 - (members - least) / (most - least) if most > least else 0.5),
        )
        for day, members in days
    ]
    return Trend(" ".join(f"{x:.1f},{y:.1f}" for x, y in points), last[1] - first[1], first[0])


def reach_of_rows(rows: Collection[Any]) -> dict[int, dict[str, int]]:
    """{audience: {objective key: members}}: small ones counted now, large ones as stored; a query per client."""
    by_account: dict[int, list[Any]] = {}
    for row in rows:
        by_account.setdefault(row.account_id, []).append(row)
    found = [pair for audiences in by_account.values() for pair in reaches_of(audiences).items()]
    return {audience_id: reach.counts for audience_id, reach in found if reach is not None}


@dataclass(frozen=True, slots=True)
class View:
    """A ready narrowing of the list, with how many it shows."""

    label: str
    icon: str
    query: dict[str, str]
    audiences: int
    is_shown: bool


def views_of(rows: QuerySet[Audience], asked: Mapping[str, str]) -> list[View]:
    """Counted in one query over the audiences in view. `asked`: what the list is narrowed to now."""
    active, archived, deleted = STATES[ACTIVE], STATES[ARCHIVED], STATES[DELETED]
    found = rows.order_by().aggregate(
        active=Count("pk", filter=active),
        favourite=Count("pk", filter=active & Q(favourite=True)),
        archived=Count("pk", filter=archived),
        deleted=Count("pk", filter=deleted),
    )
    views: tuple[tuple[str, str, dict[str, str], str], ...] = (
        ("All audiences", "groups", {}, "active"),
        ("Favourites", "star", {"favourite": "yes"}, "favourite"),
        ("Archived", "inventory_2", {"state": ARCHIVED}, "archived"),
        ("Deleted", "delete", {"state": DELETED}, "deleted"),
    )
    chosen = {
        name: value for name, value in asked.items() if name in ("favourite", "state", "folder") and value
    }
    return [View(label, icon, query, found[key], query == chosen) for label, icon, query, key in views]


def folder_tree(rows: QuerySet[Audience]) -> tuple[list[folders.Folder], int]:
    """The folders of active audiences, and how many are in none."""
    direct = folders.counts(rows.filter(STATES[ACTIVE]))
    return folders.tree(direct), direct.get("", 0)
