"""People, audiences and consent on the dashboard. Nothing here counts a large table in full."""

from __future__ import annotations

from django.contrib.humanize.templatetags.humanize import intcomma
from django.db.models import Sum
from django.http import HttpRequest
from django.urls import reverse

from audiences.models import Audience, Profile
from syncapp.accounts import access
from syncapp.admin.dashboard import Figure, Panel, counted, figure, panel

MOST_PEOPLE_COUNTED = 100_000
AUDIENCES_SHOWN = 6


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


def share(part: int, whole: int) -> int:
    """Per hundred, rounded; 0 of nothing."""
    return round(100 * part / whole) if whole else 0
