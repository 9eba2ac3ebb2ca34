"""`GET /api/v1/audiences/{external_id}/members/{contact_external_id}/history`: when somebody joined and left."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from msgspec import Struct
from rest_framework.request import Request

from audiences import history
from audiences.api import resource
from audiences.api.documentation import members as docs
from audiences.api.member_rows import find
from audiences.api.members_wire import MemberHistoryOut, MembershipEvent
from audiences.api.moments import is_storable
from audiences.api.single import CONTACT
from audiences.api.wire import MemberContact, Time
from audiences.models import Audience
from syncapp.api import limits
from syncapp.api.cursors import from_cursor, link_to_next, to_cursor
from syncapp.api.problems import Problem, invalid_parameter
from syncapp.api.views import ApiView, json, to_external_id, whole_number


class Place(Struct, array_like=True):
    """The last row of a page, and whose list it is."""

    audience: int
    profile: int
    at: Time
    change: int


class MemberHistoryView(ApiView):
    scopes = {"GET": "members:read"}
    query = {"GET": ("external_id", CONTACT, "cursor", "limit")}

    @docs.LIST_HISTORY
    def get(self, request: Request, external_id: str, contact_external_id: str) -> HttpResponse:
        http = request._request
        audience = resource.find(self.client, to_external_id(http, external_id))
        person = find(audience, to_external_id(http, contact_external_id, CONTACT))
        if person is None:
            raise Problem("contact_not_found", "There is no contact with this external id.")
        size = whole_number(http, "limit", limits.PAGE_ITEMS_DEFAULT, 1, limits.PAGE_ITEMS)
        before = start_of(http, audience, person.profile_id)
        found = history.of_member(audience, person.profile_id, before=before, limit=size + 1)
        page = found[:size]
        cursor = None
        if len(found) > size:
            cursor = to_cursor(Place(audience.pk, person.profile_id, page[-1].at, page[-1].id))
        contact = MemberContact(person.external_id, person.email, str(person.profile_id))
        items = [MembershipEvent(moved.at, moved.change, moved.source) for moved in page]
        return json(MemberHistoryOut(contact, items, cursor), headers=link_to_next(http, cursor))


def start_of(request: HttpRequest, audience: Audience, profile_id: int) -> history.Place | None:
    given = request.GET.get("cursor")
    if given is None:
        return None
    place = from_cursor(given, Place)
    if (place.audience, place.profile) != (audience.pk, profile_id) or not (
        is_storable(place.at) and 0 <= place.change < 2**63
    ):
        raise invalid_parameter("cursor", "This cursor belongs to another list; begin without one.")
    return place.at, place.change
