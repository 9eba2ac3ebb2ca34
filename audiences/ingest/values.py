"""Whether a value fits its property, and how it is stored."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from typing import Any

from audiences.models import Property

TEXT_CHARS = 10_000
ITEM_CHARS = 1_000
LIST_ITEMS = 1_000
LARGEST_WHOLE_NUMBER = 2**63 - 1

Check = Callable[[Any], Any]


class Misfit(ValueError):
    """A value does not fit; the text says what would."""


def check_text(value: Any) -> str:
    if type(value) is not str:
        raise Misfit("a text")
    if len(value) > TEXT_CHARS:
        raise Misfit(f"a text of at most {TEXT_CHARS} characters")
    if "\x00" in value:
        raise Misfit("a text without NUL characters")
    return value


def check_number(value: Any) -> int | float:
    if type(value) is int and abs(value) <= LARGEST_WHOLE_NUMBER:
        return value
    if type(value) is float and math.isfinite(value):
        return value
    raise Misfit("a number")


def check_boolean(value: Any) -> bool:
    if type(value) is not bool:
        raise Misfit("true or false")
    return value


def check_date(value: Any) -> Any:
    try:
        found = date.fromisoformat(value) if isinstance(value, str) else value
    except ValueError:
        found = None
    if not isinstance(found, date) or isinstance(found, datetime):
        raise Misfit("a date like 2026-12-31")
    written = found.isoformat()
    return value if value == written else written  # the same object: nothing to copy


def check_datetime(value: Any) -> str:
    """Stored in UTC, to the second or finer as given."""
    try:
        found = datetime.fromisoformat(value) if isinstance(value, str) else value
        if isinstance(found, datetime) and found.tzinfo is not None:
            return found.astimezone(UTC).isoformat().replace("+00:00", "Z")
    except (ValueError, OverflowError):
        pass
    raise Misfit("a moment with its time zone, like 2026-12-31T23:59:00Z")


def check_list(value: Any) -> list[str]:
    fits = isinstance(value, list) and len(value) <= LIST_ITEMS
    if not fits or not all(
        type(item) is str and len(item) <= ITEM_CHARS and "\x00" not in item for item in value
    ):
        raise Misfit(f"a list of at most {LIST_ITEMS} texts of at most {ITEM_CHARS} characters")
    return list(value)


CHECKS: Mapping[str, Check] = {
    Property.Type.TEXT: check_text,
    Property.Type.NUMBER: check_number,
    Property.Type.BOOLEAN: check_boolean,
    Property.Type.DATE: check_date,
    Property.Type.DATETIME: check_datetime,
    Property.Type.LIST: check_list,
}


def checks_of(account_id: int) -> dict[str, Check]:
    """{property key: check} of an account."""
    rows = Property.objects.filter(account_id=account_id).order_by().values_list("key", "type")
    return {key: CHECKS[kind] for key, kind in rows}
