"""Moments the database and Python can both hold, in every time zone."""

from __future__ import annotations

from datetime import UTC, datetime

EARLIEST = datetime(1900, 1, 1, tzinfo=UTC)
LATEST = datetime(9000, 1, 1, tzinfo=UTC)
WORDS = "Give a moment between the years 1900 and 9000."


def is_storable(moment: object) -> bool:
    """True for what is no moment at all: absent and null are other checks' matter."""
    return not isinstance(moment, datetime) or EARLIEST <= moment < LATEST
