"""What became of each item, as counts and as answers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from audiences.ingest.script import Rows
from audiences.ingest.sheet import Sheet
from audiences.ingest.types import COUNTS, ItemOutcome, Outcome, Result

COUNT = """
SELECT outcome, count(*), count(*) FILTER (WHERE updates), count(*) FILTER (WHERE creates),
    count(*) FILTER (WHERE profile_id IS NULL AND outcome IN ('held', 'removed', 'not_member')),
    count(*) FILTER (WHERE profile_id IS NULL AND outcome = 'removed'),
    count(*) FILTER (WHERE profile_id IS NULL AND outcome = 'held' AND was IS DISTINCT FROM 'm'),
    count(*) FILTER (
        WHERE profile_id IS NOT NULL AND outcome IN ('added', 'already_member', 'removed', 'not_member')
    ),
    count(*) FILTER (WHERE stored),
    count(*) FILTER (WHERE outcome = 'added' AND NOT known)
FROM ingest_outcome GROUP BY outcome
"""

READ = """
SELECT o.n, o.outcome, o.code, o.field, o.holder,
    CASE WHEN o.known OR o.outcome IN ('added', 'created') THEN o.profile_id END
FROM ingest_outcome o WHERE %(all)s OR o.outcome IN ('failed', 'stale', 'superseded') ORDER BY o.n
"""

# code: words, pointer; {field} is the key of a property
REASONS = {
    "contact_not_found": ("There is no such person.", ""),
    "email_taken": ("Another person has this e-mail address.", "/contact/email"),
    "external_id_taken": ("Another person has this external id.", "/contact/external_id"),
    "identifier_taken": ("Another person has this value.", "/contact/properties/{field}"),
    "invalid_contact": ("“{field}” takes at most 255 characters.", "/contact/properties/{field}"),
    "ambiguous_identifier": ("The e-mail address and the external id name two people.", ""),
    "erased": ("This person was erased and cannot come back.", ""),
    "stale": ("A newer operation on this person was applied before.", ""),
    "superseded": ("A later item of this call is about the same person.", ""),
}
CODES = {"stale": "stale", "superseded": "duplicate_in_request"}


@dataclass(frozen=True, slots=True)
class Todo:
    """How many items come to what, and which statements have anything to do."""

    outcomes: dict[str, int]
    updates: int
    creates: int
    waits: int
    waiting_removed: int
    newly_held: int
    writes_members: int
    stored_members: int
    created: int

    @property
    def added(self) -> int:
        return self.outcomes.get("added", 0)

    @property
    def removed(self) -> int:
        """Of members; people who were only waiting are counted in held_delta."""
        return self.outcomes.get("removed", 0) - self.waiting_removed

    @property
    def held_delta(self) -> int:
        return self.newly_held - self.waiting_removed


def to_todo(rows: Rows) -> Todo:
    """Of the rows of COUNT."""
    return Todo(
        outcomes={row[0]: row[1] for row in rows},
        updates=sum(row[2] for row in rows),
        creates=sum(row[3] for row in rows),
        waits=sum(row[4] for row in rows),
        waiting_removed=sum(row[5] for row in rows),
        newly_held=sum(row[6] for row in rows),
        writes_members=sum(row[7] for row in rows),
        stored_members=sum(row[8] for row in rows),
        created=sum(row[9] for row in rows),
    )


def to_counts(todo: Todo, sheet: Sheet) -> dict[str, int]:
    counts = {**dict.fromkeys(COUNTS, 0), **todo.outcomes}
    counts["received"] = sheet.received
    counts["failed"] += len(sheet.refused)
    if sheet.of_audience:
        counts["created"], counts["updated"] = todo.created, todo.updates
    return counts


def has_items(todo: Todo, verbose: bool) -> bool:
    """Whether there is anything to READ; its parameter `all` is `verbose`."""
    return verbose or any(todo.outcomes.get(outcome) for outcome in ("failed", "stale", "superseded"))


def to_items(rows: Rows, sheet: Sheet, verbose: bool) -> dict[str, Any]:
    """The answer's `errors`, `warnings` and, when asked, `items`, of the rows of READ."""
    found = [*sheet.refused, *(_to_item(sheet, *row) for row in rows)]
    if len(found) > 1:
        position = {index: n for n, index in enumerate(sheet.indexes)}
        found.sort(key=lambda item: position[item.index])
    return {
        "errors": tuple(item for item in found if item.outcome == "failed"),
        "warnings": tuple(item for item in found if item.outcome in CODES),
        "items": tuple(found) if verbose else (),
    }


def _to_item(
    sheet: Sheet,
    n: int,
    outcome: Outcome,
    code: str | None,
    field: str | None,
    holder: str | None,
    profile_id: int | None,
) -> ItemOutcome:
    index = sheet.indexes[n]
    if code is None and outcome not in CODES:
        return ItemOutcome(index, outcome, profile_id=profile_id)
    detail, pointer = (words.format(field=field) for words in REASONS[code or outcome])
    return ItemOutcome(
        index, outcome, code or CODES[outcome], detail, pointer, profile_id=profile_id, holder=holder
    )


def with_outlived(result: Result, sheet: Sheet, rows: Rows) -> Result:
    """With a warning for each opt-in that changed nothing. `rows`: (item, objective key)."""
    found = [
        ItemOutcome(sheet.indexes[n], "stale", "stale", f"A later opt-out of “{key}” stands.", "/consents")
        for n, key in rows
    ]
    position = {index: n for n, index in enumerate(sheet.indexes)}
    ordered = sorted([*result.warnings, *found], key=lambda item: position[item.index])
    return replace(result, warnings=tuple(ordered))


def without_effect(result: Result, sheet: Sheet, is_refused: bool) -> Result:
    """The answer of a call that was not kept. Refused, because it is atomic: the good items count `not_applied`."""
    result = replace(result, applied=False, profile_ids=())
    if not is_refused:
        return result
    failed = {item.index for item in result.errors}
    counts = {
        **dict.fromkeys(COUNTS, 0),
        "received": sheet.received,
        "failed": len(failed),
        "not_applied": sheet.received - len(failed),
    }
    items = tuple(
        item if item.index in failed else replace(item, outcome="not_applied", code="", detail="", pointer="")
        for item in result.items
    )
    return replace(result, counts=counts, warnings=(), items=items)
