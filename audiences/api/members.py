"""`GET /api/v1/audiences/{external_id}/members`: who is in it, page by page."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from msgspec import Struct
from rest_framework.request import Request

from audiences.api import resource
from audiences.api.documentation import members as docs
from audiences.api.member_rows import BY_ID, BY_TIME, FIELDS, Row, read_page, to_member
from audiences.api.moments import is_storable, moment_of
from audiences.api.wire import MembersOut, Time
from audiences.models import Audience
from syncapp.api import limits
from syncapp.api.cursors import from_cursor, link_to_next, to_cursor
from syncapp.api.problems import invalid_parameter
from syncapp.api.views import ApiView, json, to_external_id, whole_number

PARAMETERS = ("external_id", "cursor", "limit", "added_since", "sort", "fields")
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
        found = rows_of(http, audience, size + 1)
        page, is_last = found[:size], len(found) <= size
        cursor = None if is_last else to_cursor(place_of(http, audience, page[-1]))
        shown = MembersOut([to_member(row, fields) for row in page], cursor)
        return json(shown, headers=link_to_next(http, cursor))


def rows_of(request: HttpRequest, audience: Audience, limit: int) -> list[Row]:
    """Members after the cursor, in order."""
    place, since = start_of(request, audience), moment_of(request, "added_since")
    by_time = sort_of(request) == "added_at"
    conditions = ""
    params: dict[str, Any] = {"limit": limit}
    if since is not None:
        conditions += " AND added_at >= %(since)s"
        params["since"] = since
    if place is not None:
        after = "(added_at, profile_id) > (%(at)s, %(profile)s)" if by_time else "profile_id > %(profile)s"
        conditions += f" AND {after}"
        params |= {"profile": place.profile, "at": place.added_at}
    return read_page(audience, BY_TIME if by_time else BY_ID, conditions, params)


def sort_of(request: HttpRequest) -> str:
    sort = request.GET.get("sort", "id")
    if sort not in SORTS:
        raise invalid_parameter("sort", f"Sort by {' or '.join(SORTS)}.")
    return sort


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


def place_of(request: HttpRequest, audience: Audience, row: Row) -> Place:
    since = request.GET.get("added_since", "")
    return Place(audience.pk, sort_of(request), since, row.profile_id, row.added_at)
