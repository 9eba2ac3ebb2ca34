"""Pages of people, their consents, and the groups they are in."""

from audiences.admin import (
    audience_pages,
    consent_panel,
    dashboard,
    job_pages,
    ledger,
    objectives,
    palette,
    people,
    properties,
    push_settings_page,
    suppression_pages,
    sync_pages,
    waiting,
)

__all__ = [
    "audience_pages",
    "consent_panel",
    "dashboard",
    "job_pages",
    "ledger",
    "objectives",
    "palette",
    "people",
    "properties",
    "push_settings_page",
    "suppression_pages",
    "sync_pages",
    "waiting",
]
