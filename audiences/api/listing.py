"""`GET /api/v1/audiences`: the account's audiences, page by page."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db.models import Q
from django.http import HttpRequest
from msgspec import Struct

from audiences.api.moments import is_storable, moment_of
from audiences.models import Audience
from audiences.models.audience import to_name_key
from syncapp.api.cursors import from_cursor
from syncapp.api.problems import invalid_parameter

PARAMETERS = ("cursor", "limit", "name", "tag", "state", "updated_since", "sort")
FILTERS = ("name", "tag", "state", "updated_since")
SORTS: Mapping[str, str] = {"name": "name_key", "updated_at": "updated_at", "created_at": "created_at"}
STATES: Mapping[str, Q] = {
    "active": Q(deleted_at=None, archived_at=None),
    "archived": Q(deleted_at=None, archived_at__isnull=False),
    "deleted": Q(deleted_at__isnull=False),
}


class Place(Struct, array_like=True):
    """The last row of a page, and what the page was asked with. `value` is what the list is sorted by."""

    sort: str
    asked: list[str]
    value: str
    audience: int


def rows_after(request: HttpRequest, rows: Any) -> Any:
    """The audiences that fit the query, behind its cursor, in order."""
    sort = sort_of(request)
    column, is_descending = SORTS[sort.removeprefix("-")], sort.startswith("-")
    found = rows.filter(*filters_of(request))
    place = start_of(request, sort)
    if place is not None:
        way = "lt" if is_descending else "gt"
        value = to_value(column, place.value)
        found = found.filter(
            Q(**{f"{column}__{way}": value}) | Q(**{column: value, f"pk__{way}": place.audience})
        )
    sign = "-" if is_descending else ""
    return found.order_by(f"{sign}{column}", f"{sign}pk")


def filters_of(request: HttpRequest) -> list[Q]:
    wanted = [state_of(request)]
    if (name := request.GET.get("name")) is not None:
        wanted.append(Q(name_key__contains=to_name_key(name)))
    if (tag := request.GET.get("tag")) is not None:
        wanted.append(Q(labels__contains=[tag]))
    if (since := moment_of(request, "updated_since")) is not None:
        wanted.append(Q(updated_at__gte=since))
    return wanted


def state_of(request: HttpRequest) -> Q:
    """Without a state: all that live."""
    state = request.GET.get("state")
    if state is None:
        return Q(deleted_at=None)
    if state not in STATES:
        raise invalid_parameter("state", f"Known: {', '.join(STATES)}.")
    return STATES[state]


def sort_of(request: HttpRequest) -> str:
    sort = request.GET.get("sort", "name")
    if sort.removeprefix("-") not in SORTS or sort.startswith("--"):
        raise invalid_parameter(
            "sort", f"Sort by {', '.join(SORTS)}, with - before it for the other direction."
        )
    return sort


def start_of(request: HttpRequest, sort: str) -> Place | None:
    given = request.GET.get("cursor")
    if given is None:
        return None
    place = from_cursor(given, Place)
    if (place.sort, place.asked) != (sort, asked_of(request)) or not 0 <= place.audience < 2**63:
        raise of_another_list()
    return place


def to_value(column: str, written: str) -> str | datetime:
    if column == "name_key":
        if "\x00" in written:
            raise of_another_list()
        return written
    try:
        moment = datetime.fromisoformat(written)
    except ValueError as error:
        raise of_another_list() from error
    if moment.tzinfo is None or not is_storable(moment):
        raise of_another_list()
    return moment


def of_another_list() -> Exception:
    return invalid_parameter("cursor", "This cursor belongs to another list; begin without one.")


def asked_of(request: HttpRequest) -> list[str]:
    return [request.GET.get(name, "") for name in FILTERS]


def place_of(request: HttpRequest, audience: Audience) -> Place:
    sort = sort_of(request)
    value = getattr(audience, SORTS[sort.removeprefix("-")])
    written = value.isoformat() if isinstance(value, datetime) else value
    return Place(sort, asked_of(request), written, audience.pk)
