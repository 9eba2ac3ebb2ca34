"""Moments the database and Python can both hold, in every time zone.

PostgreSQL takes zones of less than 16 hours only, RFC 3339 knows up to 24: moments go there in UTC.
"""

from __future__ import annotations

from datetime import UTC, datetime

from django.http import HttpRequest
from django.utils.dateparse import parse_datetime

from syncapp.api.problems import invalid_parameter

EARLIEST = datetime(1900, 1, 1, tzinfo=UTC)
LATEST = datetime(9000, 1, 1, tzinfo=UTC)
WORDS = "Give a moment between the years 1900 and 9000."


def is_storable(moment: object) -> bool:
    """True for what is no moment at all: absent and null are other checks' matter."""
    return not isinstance(moment, datetime) or EARLIEST <= moment < LATEST


def moment_of(request: HttpRequest, name: str) -> datetime | None:
    """A query parameter that is a time with a zone; None without it."""
    given = request.GET.get(name)
    if given is None:
        return None
    try:
        moment = parse_datetime(given)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None or not is_storable(moment):
        raise invalid_parameter(name, "Give a time with a zone, like 2026-07-01T12:00:00Z.")
    return moment.astimezone(UTC)
