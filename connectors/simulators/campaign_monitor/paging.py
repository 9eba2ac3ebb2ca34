"""The paged envelope, and its parameters' errors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from .asking import Ask
from .errors import Refused

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Page:
    number: int
    size: int
    order: str
    descending: bool


def page_of(ask: Ask, orders: Sequence[str]) -> Page:
    """page (800), pagesize 10 to 1000 (801), orderfield (802), orderdirection (803)."""
    query = ask.request.query
    number = whole(query.get("page", ""), 1, 800)
    size = whole(query.get("pagesize", ""), 1000, 801)
    order = (query.get("orderfield") or orders[0]).lower()
    direction = (query.get("orderdirection") or "asc").lower()
    if number < 1:
        raise Refused(800)
    if not 10 <= size <= 1000:
        raise Refused(801)
    if order not in orders:
        raise Refused(802)
    if direction not in ("asc", "desc"):
        raise Refused(803)
    return Page(number, size, order, direction == "desc")


def whole(text: str, default: int, code: int) -> int:
    if text == "":
        return default
    if not (text.isascii() and text.lstrip("-").isdigit()) or len(text) > 9:
        raise Refused(code)
    return int(text)


def envelope(page: Page, items: Sequence[Item], show: Callable[[Item], dict[str, Any]]) -> dict[str, Any]:
    """Past the end: 200 with no results."""
    start = (page.number - 1) * page.size
    rows = [show(item) for item in items[start : start + page.size]]
    return {
        "Results": rows,
        "ResultsOrderedBy": page.order,
        "OrderDirection": "desc" if page.descending else "asc",
        "PageNumber": page.number,
        "PageSize": page.size,
        "RecordsOnThisPage": len(rows),
        "TotalNumberOfRecords": len(items),
        "NumberOfPages": -(-len(items) // page.size),
    }
