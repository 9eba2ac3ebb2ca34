"""Moments as this door writes and reads them: ISO 8601, UTC, to the millisecond."""

from __future__ import annotations

from datetime import UTC, datetime

from django.utils.dateparse import parse_datetime


def to_moment(value: datetime | None) -> str | None:
    if value is None:
        return None
    return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def parse(text: str | None) -> datetime | None:
    """A moment, or a day as its beginning; without a zone it is UTC. None for anything else.

    `+` of a zone may have come as a space: many clients forget to encode it in a query.
    """
    if text is None:
        return None
    written = text.strip().replace(" ", "+") if "T" in text else text.strip()
    for form in (written, f"{written}T00:00:00"):
        try:
            found = parse_datetime(form)
        except ValueError:
            continue
        if found is not None:
            return found if found.tzinfo is not None else found.replace(tzinfo=UTC)
    return None
