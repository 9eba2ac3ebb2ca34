"""Who may be mailed: the one decision every export passes, in the plan and again at the moment of sending."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from audiences.suppressions import suppressed_sql

# In the order they are told to staff when several apply; the words are in connectors.sync.words.
NO_ADDRESS = "no_address"
SUPPRESSED = "suppressed"
DENIED = "consent_denied"
UNKNOWN = "no_consent"


def withheld_sql(objective_keys: Sequence[str], parameters: dict[str, Any]) -> str:
    """Why profile `p` may not be mailed, or NULL; fills in the parameters it needs. Needs `%(account)s`.

    At least one of the objectives must be granted; a refusal of another one does not withhold. Without any
    objective nobody passes: callers stop before that, because nobody is not everybody to be removed.
    """
    granted = _any_state(objective_keys, "granted", parameters)
    denied = _any_state(objective_keys, "denied", parameters)
    return (
        "CASE"
        f" WHEN p.email IS NULL THEN '{NO_ADDRESS}'"
        f" WHEN {suppressed_sql('p.email', parameters)} THEN '{SUPPRESSED}'"
        f" WHEN {granted} THEN NULL"
        f" WHEN {denied} THEN '{DENIED}'"
        f" ELSE '{UNKNOWN}' END"
    )


def _any_state(objective_keys: Sequence[str], state: str, parameters: dict[str, Any]) -> str:
    tests = []
    for number, key in enumerate(objective_keys):
        parameters[f"objective_{number}"] = key
        tests.append(f"p.consents -> %(objective_{number})s::text ->> 'state' = '{state}'")
    return f"coalesce({' OR '.join(tests)}, false)" if tests else "false"
