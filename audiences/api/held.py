"""`GET /api/v1/audiences/{external_id}/held`: who is a member as soon as they are known."""

from __future__ import annotations

from typing import Any

from django.db import connection
from django.http import HttpRequest, HttpResponse
from msgspec import Struct
from rest_framework.request import Request

from audiences.api import resource
from audiences.api.documentation import members as docs
from audiences.api.members_wire import HeldOut, HeldsOut
from audiences.models import Audience
from syncapp.api import limits
from syncapp.api.cursors import from_cursor, link_to_next, to_cursor
from syncapp.api.problems import invalid_parameter
from syncapp.api.views import ApiView, json, to_external_id, whole_number

PAGE = """
SELECT kind, value, greatest(changed_at, %(floor)s::timestamptz), source, expires_at FROM audiences_pending
WHERE account_id = %(account)s AND audience_id = %(audience)s AND state = 'member'
    AND (kind, value) > (%(kind)s, %(value)s)
ORDER BY kind, value LIMIT %(limit)s
"""


class Place(Struct, array_like=True):
    """The last row of a page, and whose list it is."""

    audience: int
    kind: str
    value: str


class HeldView(ApiView):
    scopes = {"GET": "members:read"}
    query = {"GET": ("external_id", "cursor", "limit")}

    @docs.LIST_HELD
    def get(self, request: Request, external_id: str) -> HttpResponse:
        http = request._request
        audience = resource.find(self.client, to_external_id(http, external_id))
        size = whole_number(http, "limit", limits.PAGE_ITEMS_DEFAULT, 1, limits.PAGE_ITEMS)
        found = rows_after(audience, start_of(http, audience), size + 1)
        page = found[:size]
        last = None if len(found) <= size else Place(audience.pk, page[-1].identifier, page[-1].value)
        cursor = None if last is None else to_cursor(last)
        return json(HeldsOut(page, cursor), headers=link_to_next(http, cursor))


def rows_after(audience: Audience, place: Place, limit: int) -> list[HeldOut]:
    params: dict[str, Any] = {
        "account": audience.account_id,
        "audience": audience.pk,
        "floor": audience.replaced_at,
        "kind": place.kind,
        "value": place.value,
        "limit": limit,
    }
    with connection.cursor() as cursor:
        cursor.execute(PAGE, params)
        return [HeldOut(*row) for row in cursor.fetchall()]


def start_of(request: HttpRequest, audience: Audience) -> Place:
    given = request.GET.get("cursor")
    if given is None:
        return Place(audience.pk, "", "")
    place = from_cursor(given, Place)
    if place.audience != audience.pk or "\x00" in place.kind + place.value:
        raise invalid_parameter("cursor", "This cursor belongs to another list; begin without one.")
    return place
