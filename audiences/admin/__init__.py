"""Pages of people, their consents, and the groups they are in."""

from audiences.admin import (
    audience_pages,
    consent_panel,
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
    "consent_panel",
    "dashboard",
    "ledger",
    "objectives",
    "palette",
    "people",
    "properties",
    "suppression_pages",
]
