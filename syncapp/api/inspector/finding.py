"""Which calls of a key are looked at: newest first, filtered, a page at a time. For the inspector and the admin."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.db.models import Q

from syncapp.api.models import ApiCall

PAGE = 50
SEARCHED = 50_000  # a filter looks through so many of the newest calls
STATUSES = {"2xx": (200, 299), "4xx": (400, 499), "5xx": (500, 599)}
OFFERED = ("2xx", "207", "4xx", "403", "404", "409", "412", "422", "429", "5xx")
NEWEST = "-id"


@dataclass(frozen=True, slots=True)
class Filters:
    """As in the address. `status` is a class as 4xx, or one status."""

    status: str = ""
    path: str = ""
    failures: bool = False
    before: int | None = None

    @property
    def query(self) -> str:
        """Without the place in the pages."""
        given = {"status": self.status, "path": self.path, "failures": "1" if self.failures else ""}
        return urlencode({name: value for name, value in given.items() if value})

    @property
    def are_set(self) -> bool:
        return self.query != ""


@dataclass(frozen=True, slots=True)
class Page:
    calls: list[ApiCall]
    next_before: int | None


def to_filters(given: Mapping[str, Any]) -> Filters:
    """Whatever cannot be meant is left out."""
    status, before = str(given.get("status", "")), str(given.get("before", ""))
    is_status = status in STATUSES or (status.isascii() and status.isdigit() and len(status) == 3)
    return Filters(
        status=status if is_status else "",
        path=str(given.get("path", "")).replace("\x00", "").strip()[:100],
        failures=given.get("failures") == "1",
        before=int(before) if before.isascii() and before.isdigit() and len(before) < 19 else None,
    )


def find(account_id: int, key_id: int, filters: Filters) -> Page:
    """Bodies are not loaded. Reads the newest `SEARCHED` calls at most, whatever is looked for."""
    rows = ApiCall.objects.of(account_id).filter(key_id=key_id)
    if filters.are_set and (floor := floor_of(rows)) is not None:
        rows = rows.filter(pk__gte=floor)
    if filters.before is not None:
        rows = rows.filter(pk__lt=filters.before)
    if filters.failures:
        rows = rows.filter(Q(status__gte=400) | Q(failed_items__gt=0))
    if filters.status in STATUSES:
        rows = rows.filter(status__range=STATUSES[filters.status])
    elif filters.status:
        rows = rows.filter(status=int(filters.status))
    if filters.path:
        rows = rows.filter(path__icontains=filters.path)
    found = list(rows.defer("sealed").order_by(NEWEST)[: PAGE + 1])
    return Page(found[:PAGE], found[PAGE - 1].pk if len(found) > PAGE else None)


def floor_of(rows: Any) -> int | None:
    """The oldest call a filter looks at; None where there are fewer."""
    floor: int | None = rows.order_by(NEWEST).values_list("pk", flat=True)[SEARCHED : SEARCHED + 1].first()
    return floor


def one(account_id: int, key_id: int, request_id: str) -> ApiCall | None:
    found: ApiCall | None = (
        ApiCall.objects.of(account_id).filter(key_id=key_id, request_id=request_id).order_by(NEWEST).first()
    )
    return found
