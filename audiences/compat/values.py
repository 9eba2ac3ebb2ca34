"""Values as other systems write them, brought to the form of our properties.

What cannot be brought there is given back as it came: whether it fits is for the ingest to say.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, tzinfo
from typing import Any

from django.utils.dateparse import parse_datetime

from audiences.models import Property

YES, NO = ("true", "yes", "1", "y", "on"), ("false", "no", "0", "n", "off")
WHOLE = re.compile(r"[+-]?[0-9]{1,18}").fullmatch
DECIMAL = re.compile(r"[+-]?[0-9]{1,18}[.,][0-9]{1,18}").fullmatch
DAY_FIRST = re.compile(r"([0-9]{1,2})[-/.]([0-9]{1,2})[-/.]([0-9]{4})").fullmatch
CAPITAL = re.compile(r"(?<=[a-z0-9])([A-Z])")


def to_key(name: str) -> str:
    """`firstName` → `first_name`, `Last-Name` → `last_name`."""
    return CAPITAL.sub(r"_\1", name.strip()).replace("-", "_").replace(" ", "_").lower()


def to_value(kind: str, given: Any, zone: tzinfo = UTC) -> Any:
    """`kind` is a Property.Type. An empty text is null, which clears."""
    if given is None or given == "":
        return None
    if kind == Property.Type.TEXT:
        return to_text(given)
    if isinstance(given, str):
        return from_text(kind, given.strip(), zone)
    if kind == Property.Type.BOOLEAN and type(given) is int and given in (0, 1):
        return given == 1
    return given


def to_text(given: Any) -> Any:
    if isinstance(given, bool):
        return "true" if given else "false"
    return str(given) if isinstance(given, (int, float)) else given


def from_text(kind: str, text: str, zone: tzinfo) -> Any:
    match kind:
        case Property.Type.NUMBER:
            return to_number(text)
        case Property.Type.BOOLEAN:
            return to_boolean(text)
        case Property.Type.DATE:
            return to_date(text)
        case Property.Type.DATETIME:
            return to_datetime(text, zone)
        case Property.Type.LIST:
            return [item for part in text.split(",") if (item := part.strip())]
    return text


def to_number(text: str) -> Any:
    if WHOLE(text):
        return int(text)
    return float(text.replace(",", ".")) if DECIMAL(text) else text


def to_boolean(text: str) -> Any:
    small = text.lower()
    return True if small in YES else False if small in NO else text


def to_date(text: str) -> Any:
    """`2026-12-31`, `31-12-2026`, or a moment, of which the day stays."""
    day_first = DAY_FIRST(text)
    if day_first is not None:
        day, month, year = (int(part) for part in day_first.groups())
        try:
            return date(year, month, day).isoformat()
        except ValueError:
            return text
    return text[:10] if len(text) > 10 and text[10] in "T " else text


def to_datetime(text: str, zone: tzinfo) -> Any:
    """Without a zone of its own it is taken to be in `zone`."""
    try:
        found = parse_datetime(text) or datetime.fromisoformat(text)
    except ValueError:
        return text
    return found if found.tzinfo is not None else found.replace(tzinfo=zone)
