"""Who may be mailed: the one decision every export passes, in the plan and again at the moment of sending."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from audiences.suppressions import suppressed_sql

# In the order they are told to staff when several apply; the words are in connectors.sync.words.
NO_ADDRESS = "no_address"
INVALID_ADDRESS = "invalid_address"
SUPPRESSED = "suppressed"
DENIED = "consent_denied"
UNKNOWN = "no_consent"

# What comes in through the API is looked at letter by letter; this is for what came some other way, and cheap.
LOOKS_LIKE_AN_ADDRESS = "'^[^@[:space:]]+@[^@[:space:]]+[.][^@[:space:].]+$'"


@dataclass(frozen=True, slots=True)
class Want:
    """What makes a goal want a person: one of these audiences, and consent to one of these objectives."""

    audience_ids: tuple[int, ...]
    objective_keys: tuple[str, ...]


def wanted_sql(wants: Sequence[Want], name: str, parameters: dict[str, Any], person: str = "p") -> str:
    """Whether any of the goals would mail the profile `person`; fills in the parameters it needs, named by `name`.

    Needs `%(account)s`.
    """
    tests = []
    for number, want in enumerate(wants):
        audiences = f"{name}_{number}_audiences"
        parameters[audiences] = list(want.audience_ids)
        granted = _any_state(want.objective_keys, "granted", parameters, person, f"{name}_{number}_objective")
        tests.append(
            f"({granted} AND EXISTS (SELECT FROM audiences_member wanted"
            f" WHERE wanted.account_id = %(account)s AND wanted.audience_id = ANY(%({audiences})s)"
            f" AND wanted.profile_id = {person}.id AND wanted.state = 'member'))"
        )
    if not tests:
        return "false"
    suppressed = suppressed_sql(f"{person}.email", parameters)
    valid = f"{person}.email ~ {LOOKS_LIKE_AN_ADDRESS}"
    return f"({person}.email IS NOT NULL AND ({' OR '.join(tests)}) AND {valid} AND NOT {suppressed})"


def withheld_sql(objective_keys: Sequence[str], parameters: dict[str, Any]) -> str:
    """Why profile `p` may not be mailed, or NULL; fills in the parameters it needs. Needs `%(account)s`.

    At least one of the objectives must be granted; a refusal of another one does not withhold. Without any
    objective nobody passes: callers stop before that, because nobody is not everybody to be removed.
    """
    granted = _any_state(objective_keys, "granted", parameters, "p", "objective")
    denied = _any_state(objective_keys, "denied", parameters, "p", "objective")
    return (
        "CASE"
        f" WHEN p.email IS NULL THEN '{NO_ADDRESS}'"
        f" WHEN p.email !~ {LOOKS_LIKE_AN_ADDRESS} THEN '{INVALID_ADDRESS}'"
        f" WHEN {suppressed_sql('p.email', parameters)} THEN '{SUPPRESSED}'"
        f" WHEN {granted} THEN NULL"
        f" WHEN {denied} THEN '{DENIED}'"
        f" ELSE '{UNKNOWN}' END"
    )


def _any_state(
    objective_keys: Sequence[str], state: str, parameters: dict[str, Any], person: str, name: str
) -> str:
    tests = []
    for number, key in enumerate(objective_keys):
        parameters[f"{name}_{number}"] = key
        tests.append(f"{person}.consents -> %({name}_{number})s::text ->> 'state' = '{state}'")
    return f"coalesce({' OR '.join(tests)}, false)" if tests else "false"
