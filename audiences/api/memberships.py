"""`GET /api/v1/contacts/{external_id}/audiences`: which audiences somebody is in."""

from __future__ import annotations

from typing import Any

from django.db import connection
from django.http import HttpRequest, HttpResponse
from msgspec import Struct
from rest_framework.request import Request

from audiences.api.documentation import members as docs
from audiences.api.members_wire import AudienceReference, MembershipOut, MembershipsOut
from audiences.models import Profile
from syncapp.accounts.keys import Client
from syncapp.api import limits
from syncapp.api.cursors import from_cursor, link_to_next, to_cursor
from syncapp.api.problems import Problem, invalid_parameter
from syncapp.api.views import ApiView, json, to_external_id, whole_number

PAGE = """
SELECT a.id, a.external_id, a.name, m.added_at, greatest(m.changed_at, a.replaced_at), m.source
FROM audiences_member m
JOIN audiences_audience a ON a.account_id = %(account)s AND a.id = m.audience_id AND a.deleted_at IS NULL
WHERE m.account_id = %(account)s AND m.profile_id = %(profile)s AND m.audience_id > %(after)s
    AND m.state = 'member'
ORDER BY m.audience_id LIMIT %(limit)s
"""


class Place(Struct, array_like=True):
    """The last row of a page, and whose list it is."""

    profile: int
    audience: int


class MembershipsView(ApiView):
    scopes = {"GET": "members:read"}
    query = {"GET": ("external_id", "cursor", "limit")}

    @docs.LIST_AUDIENCES_OF_CONTACT
    def get(self, request: Request, external_id: str) -> HttpResponse:
        http = request._request
        profile_id = find_profile(self.client, to_external_id(http, external_id))
        size = whole_number(http, "limit", limits.PAGE_ITEMS_DEFAULT, 1, limits.PAGE_ITEMS)
        found = rows_after(self.client, profile_id, start_of(http, profile_id), size + 1)
        page = found[:size]
        cursor = to_cursor(Place(profile_id, page[-1][0])) if len(found) > size else None
        shown = MembershipsOut([to_membership(row) for row in page], cursor)
        return json(shown, headers=link_to_next(http, cursor))


def find_profile(client: Client, external_id: str) -> int:
    people = Profile.objects.of(client.account_id).filter(external_id=external_id)
    profile_id: int | None = people.values_list("pk", flat=True).first()
    if profile_id is None:
        raise Problem("contact_not_found", "There is no contact with this external id.")
    return profile_id


def rows_after(client: Client, profile_id: int, after: int, limit: int) -> list[tuple[Any, ...]]:
    params: dict[str, Any] = {
        "account": client.account_id,
        "profile": profile_id,
        "after": after,
        "limit": limit,
    }
    with connection.cursor() as cursor:
        cursor.execute(PAGE, params)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows


def start_of(request: HttpRequest, profile_id: int) -> int:
    given = request.GET.get("cursor")
    if given is None:
        return 0
    place = from_cursor(given, Place)
    if place.profile != profile_id or not 0 <= place.audience < 2**63:
        raise invalid_parameter("cursor", "This cursor belongs to another list; begin without one.")
    return place.audience


def to_membership(row: tuple[Any, ...]) -> MembershipOut:
    audience_id, external_id, name, added_at, last_change_at, source = row
    return MembershipOut(
        AudienceReference(external_id, f"aud_{audience_id}", name), added_at, last_change_at, source
    )
