"""Reasons in words for staff: what it means, and who can change it."""

from __future__ import annotations

REASONS = {
    "no_address": "No e-mail address",
    "invalid_address": "The e-mail address is not one",
    "suppressed": "On the suppression list",
    "consent_denied": "Refused consent",
    "no_consent": "No consent yet",
    "left": "No longer in the audience",
    "unsubscribed_at_esp": "Unsubscribed at the ESP",
    "bounced_at_esp": "Bounced at the ESP",
    "removed_at_esp": "Deleted at the ESP",
    "suppressed_at_esp": "Suppressed at the ESP",
    "superseded": "A later run took over",
    "wanted_again": "Wanted again before it was done",
    "not_there": "Had not reached the list",
    "cancelled": "The run was cancelled",
    "rejected_before": "Rejected by the ESP as they are; replay to try again",
    "quarantined": "Stopped workers before; replay to try again",
    "goal_changed": "The goal was changed or switched off",
}


def reason(code: str) -> str:
    return REASONS.get(code, code.replace("_", " ").capitalize())
