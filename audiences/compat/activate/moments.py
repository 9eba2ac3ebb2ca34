"""Times as Activate takes them: seconds since 1970, a text in Central European Time, or ISO 8601 with a zone."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.utils.dateparse import parse_datetime

from audiences.api.moments import is_storable

CET = ZoneInfo("Europe/Amsterdam")  # with summer time, as its people use the word
SECONDS = re.compile(r"[0-9]{1,11}(\.[0-9]{1,9})?").fullmatch
DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}").fullmatch
CLOCK_SKEW = timedelta(minutes=5)


class BadTimestamp(ValueError):
    """It cannot be read, or lies ahead; the text says which."""


def parse(given: Any, now: datetime) -> datetime:
    """Raises BadTimestamp."""
    try:
        found = from_text(str(given).strip()) if isinstance(given, (str, int, float)) else None
    except (ValueError, OverflowError, OSError):
        found = None
    if found is None or isinstance(given, bool) or not is_storable(found):
        raise BadTimestamp("timestamp must be seconds since 1970, a time in CET, or ISO 8601 with a zone.")
    if found > now + CLOCK_SKEW:
        raise BadTimestamp("timestamp is more than 5 minutes ahead of our clock.")
    return found


def from_text(text: str) -> datetime | None:
    if SECONDS(text):
        return datetime.fromtimestamp(float(text), UTC)
    found = parse_datetime(f"{text}T00:00:00" if DAY(text) else text)
    if found is None:
        return None
    return (found if found.tzinfo is not None else found.replace(tzinfo=CET)).astimezone(UTC)
