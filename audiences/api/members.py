"""`GET /api/v1/audiences/{external_id}/members`: who is in it, page by page."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.db.models import F, Q
from django.http import HttpRequest, HttpResponse
from django.utils.dateparse import parse_datetime
from msgspec import Struct
from rest_framework.request import Request

from audiences.api import resource
from audiences.api.documentation import members as docs
from audiences.api.moments import is_storable
from audiences.api.wire import MemberContact, MemberOut, MembersOut, Time
from audiences.models import Audience, Member
from syncapp.api import limits
from syncapp.api.cursors import from_cursor, to_cursor
from syncapp.api.problems import invalid_parameter
from syncapp.api.views import ApiView, json, to_external_id, whole_number

PARAMETERS = ("external_id", "cursor", "limit", "added_since", "sort", "fields")
FIELDS = ("contact", "added_at", "last_change_at", "source")
SORTS = ("id", "added_at")


class Place(Struct, array_like=True):
    """The last row of a page, and what the page was asked with."""

    audience: int
    sort: str
    since: str
    profile: int
    added_at: Time


class MembersView(ApiView):
    scopes = {"GET": "members:read"}
    query = {"GET": PARAMETERS}

    @docs.LIST_MEMBERS
    def get(self, request: Request, external_id: str) -> HttpResponse:
        http = request._request
        audience = resource.find(self.client, to_external_id(http, external_id))
        size = whole_number(http, "limit", limits.PAGE_ITEMS_DEFAULT, 1, limits.PAGE_ITEMS)
        fields = fields_of(http)
        found = list(rows_of(http, audience)[: size + 1])
        page, is_last = found[:size], len(found) <= size
        cursor = None if is_last else to_cursor(place_of(http, audience, page[-1]))
        headers = {} if cursor is None else {"Link": link_to(http, cursor)}
        return json(MembersOut([to_member(row, fields) for row in page], cursor), headers=headers)


def rows_of(request: HttpRequest, audience: Audience) -> Any:
    """Members after the cursor, in order. By id follows the key; by time is sorted per page."""
    sort, since = sort_of(request), since_of(request)
    rows = Member.objects.of(audience.account_id).filter(audience_id=audience.pk, state=Member.State.MEMBER)
    rows = rows.filter(profile__account_id=audience.account_id)  # or the join looks into every partition
    if since is not None:
        rows = rows.filter(added_at__gte=since)
    place = start_of(request, audience)
    if place is not None and sort == "id":
        rows = rows.filter(profile_id__gt=place.profile)
    elif place is not None:
        rows = rows.filter(
            Q(added_at__gt=place.added_at) | Q(added_at=place.added_at, profile_id__gt=place.profile)
        )
    order = ("profile_id",) if sort == "id" else ("added_at", "profile_id")
    return rows.order_by(*order).values_list(
        "profile_id",
        "added_at",
        "changed_at",
        "source",
        F("profile__external_id"),
        F("profile__email"),
    )


def sort_of(request: HttpRequest) -> str:
    sort = request.GET.get("sort", "id")
    if sort not in SORTS:
        raise invalid_parameter("sort", f"Sort by {' or '.join(SORTS)}.")
    return sort


def since_of(request: HttpRequest) -> datetime | None:
    given = request.GET.get("added_since")
    if given is None:
        return None
    try:
        since = parse_datetime(given)
    except ValueError:
        since = None
    if since is None or since.tzinfo is None or not is_storable(since):
        raise invalid_parameter("added_since", "Give a time with a zone, like 2026-07-01T12:00:00Z.")
    return since


def fields_of(request: HttpRequest) -> tuple[str, ...]:
    given = request.GET.get("fields")
    if given is None:
        return FIELDS
    names = tuple(given.split(","))
    if not set(names) <= set(FIELDS):
        raise invalid_parameter("fields", f"Known: {', '.join(FIELDS)}.")
    return names


def start_of(request: HttpRequest, audience: Audience) -> Place | None:
    given = request.GET.get("cursor")
    if given is None:
        return None
    place = from_cursor(given, Place)
    asked = (audience.pk, sort_of(request), request.GET.get("added_since", ""))
    if (
        (place.audience, place.sort, place.since) != asked
        or not 0 <= place.profile < 2**63
        or not is_storable(place.added_at)
    ):
        raise invalid_parameter("cursor", "This cursor belongs to another list; begin without one.")
    return place


def place_of(request: HttpRequest, audience: Audience, row: tuple[Any, ...]) -> Place:
    return Place(audience.pk, sort_of(request), request.GET.get("added_since", ""), row[0], row[1])


def to_member(row: tuple[Any, ...], fields: tuple[str, ...]) -> MemberOut:
    profile_id, added_at, changed_at, source, external_id, email = row
    values = {
        "contact": MemberContact(external_id, email, str(profile_id)),
        "added_at": added_at,
        "last_change_at": changed_at,
        "source": source,
    }
    return MemberOut(**{name: values[name] for name in fields})


def link_to(request: HttpRequest, cursor: str) -> str:
    query = urlencode({**request.GET.dict(), "cursor": cursor})
    return f'<{request.path_info}?{query}>; rel="next"'
