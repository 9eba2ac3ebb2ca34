"""Pages of people, their consents, and the groups they are in."""

from audiences.admin import (
    audience_pages,
    dashboard,
    ledger,
    objectives,
    palette,
    people,
    properties,
    suppression_pages,
)

__all__ = [
    "audience_pages",
    "dashboard",
    "ledger",
    "objectives",
    "palette",
    "people",
    "properties",
    "suppression_pages",
]
