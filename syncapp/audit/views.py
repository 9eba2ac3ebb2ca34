"""The activity page, and the history of one row."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.urls import NoReverseMatch, reverse

from syncapp.accounts import access
from syncapp.accounts.models import Membership, User
from syncapp.audit import activity

PAGE = 50


def activity_view(request: HttpRequest) -> TemplateResponse:
    """Everything that was changed in the clients in view; `type`, `person` and `after` narrow it down."""
    mine = access.of(request)
    kind = request.GET.get("type", "")
    person = request.GET.get("person", "")
    entries = activity.latest(
        mine,
        kind=kind,
        user_id=int(person) if person.isdecimal() else None,
        after=activity.Cursor.parse(request.GET.get("after", "")),
        limit=PAGE,
    )
    query = request.GET.copy()
    query.pop("after", None)
    if len(entries) == PAGE:
        query["after"] = str(entries[-1].cursor)
    return TemplateResponse(
        request,
        "audit/activity.html",
        {
            **admin.site.each_context(request),
            "title": "Activity",
            "entries": with_places(request, entries),
            "kinds": [(label, model._meta.verbose_name) for label, model in activity.kinds(mine).items()],
            "people": people_in_view(mine),
            "chosen_kind": kind,
            "chosen_person": person,
            "older": f"?{query.urlencode()}" if len(entries) == PAGE else "",
            "is_filtered": bool(kind or person or "after" in request.GET),
        },
    )


def with_places(request: HttpRequest, entries: list[activity.Entry]) -> list[dict[str, Any]]:
    """Each entry with its client and the address of its row."""
    mine = access.of(request)
    return [
        {
            "entry": entry,
            "account": mine.account(entry.account_id) if entry.account_id is not None else None,
            "url": address_of(entry),
        }
        for entry in entries
    ]


def address_of(entry: activity.Entry) -> str:
    """Empty where there is no page, or no row any more."""
    if entry.act == "deleted":
        return ""
    try:
        return reverse(f"admin:{entry.kind.replace('.', '_')}_change", args=[entry.object_id])
    except NoReverseMatch:
        return ""


def people_in_view(mine: access.Access) -> list[User]:
    """Whom the trail can be narrowed to: members of the clients in view, and for the agency everyone."""
    if mine.is_agency_admin:
        return list(User.objects.order_by("email"))
    return list(User.objects.filter(pk__in=Membership.objects.values("user")).order_by("email"))
