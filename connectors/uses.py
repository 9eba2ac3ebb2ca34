"""Tells the audiences who uses them: goals that export them."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from django.db.models import Count
from django.urls import reverse

from audiences.models import Audience
from audiences.uses import Use, register, register_counter
from connectors.models import Goal, GoalAudience


@register
def goals_of(audience: Audience) -> Iterator[Use]:
    """Exports of the audience. They keep it from being deleted: an audience that is gone would empty a list."""
    goals = Goal.objects.of(audience.account_id).filter(audience_links__audience=audience)
    for goal in goals.select_related("connection").order_by("connection__name", "position"):
        yield Use(
            kind="goal",
            id=str(goal.pk),
            name=f"{goal.connection.name}: {goal.name}",
            state="on" if goal.connection.enabled and goal.enabled else "off",
            url=reverse("admin:connectors_goal_change", args=[goal.pk]),
        )


@register_counter
def goals_per_audience(audience_ids: Collection[int]) -> dict[int, int]:
    links = GoalAudience.objects.filter(audience_id__in=audience_ids)
    return dict(links.values_list("audience_id").annotate(goals=Count("id")))
