"""What a call adds to the history of an audience: who joined and left, and how many there are today."""

from __future__ import annotations

from datetime import UTC, date, datetime

# Columns added, removed, lowest and highest of audiences_membershipchange, over rows with a profile_id.
ARRAYS = """
        coalesce(array_agg(profile_id ORDER BY profile_id) FILTER (WHERE {joined}), '{{}}'),
        coalesce(array_agg(profile_id ORDER BY profile_id) FILTER (WHERE {left}), '{{}}'),
        min(profile_id), max(profile_id)
"""


def day_of(moment: datetime) -> date:
    """In UTC, so that an audience has one row per day whoever changes it."""
    return moment.astimezone(UTC).date()
