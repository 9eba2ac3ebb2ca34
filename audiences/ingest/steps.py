"""The statements of one call, in their order. The caller holds the transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import orjson

from audiences import consents, happenings
from audiences.changes import conditions, tell_changed
from audiences.ingest import identifiers, identify, locks, members, outcomes, pending, people, staging
from audiences.ingest.script import Rows, Script
from audiences.ingest.sheet import Sheet
from audiences.ingest.types import Result
from syncapp.database import joins

if TYPE_CHECKING:
    from audiences.ingest.call import Call

# As late as it may be: who changes the same audience waits until the commit.
LOCK = (
    "SELECT set_config('jit', 'off', true), {people}, CASE WHEN %(audience)s IS NOT NULL THEN {audience} END"
)

# After the locks: what was committed while waiting counts.
LOOK_AROUND = """
SELECT EXISTS (SELECT FROM audiences_pending WHERE account_id = %(account)s),
    EXISTS (SELECT FROM audiences_suppression WHERE account_id = %(account)s AND reason = 'erasure')
        OR EXISTS (SELECT FROM audiences_erasure WHERE account_id = %(account)s),
    {wanted}, {is_heard},
    ARRAY(SELECT id FROM audiences_property WHERE account_id = %(account)s AND identifier ORDER BY id),
    ARRAY(SELECT key::text FROM audiences_property WHERE account_id = %(account)s AND identifier ORDER BY id),
    (SELECT replaced_at FROM audiences_audience WHERE account_id = %(account)s AND id = %(audience)s)
"""

CHANGE = """
INSERT INTO audiences_change (account_id, profile_ids, origin, created_at)
SELECT %(account)s, array_agg(DISTINCT profile_id), %(origin)s, %(now)s FROM ingest_changed HAVING count(*) > 0
RETURNING profile_ids
"""


@dataclass(frozen=True, slots=True)
class Around:
    """What of the account has a say in a call: people waited for, erasures, who reacts to changes, who listens."""

    has_pending: bool
    has_erased: bool
    wanted: Sequence[bool]
    is_heard: bool


def lock(cursor: Any, calls: Sequence[Call], alone: bool) -> None:
    """All audiences before the first is changed, so that two such calls never wait for each other."""
    cursor.execute(f"SELECT {locks.people(alone)}", {"account": calls[0].account.pk})
    locks.lock_audiences(cursor, (call.audience.pk for call in calls if call.audience is not None))


def run(cursor: Any, call: Call, sheet: Sheet, alone: bool) -> Result:
    params = call.params
    left = staging.prepare(cursor)
    audience_lock = locks.AUDIENCE.format(id="%(audience)s::bigint")
    script = Script()
    if staging.is_small(sheet):
        script.add(staging.to_stage(sheet, params))
    else:
        staging.stage(cursor, sheet)
    script.add(LOCK.format(people=locks.people(alone), audience=audience_lock))
    script.add(LOOK_AROUND.format(wanted=conditions(), is_heard=happenings.MEMBERSHIP_IS_HEARD))
    (found,) = script.run(cursor, params)[-1]
    around = Around(*found[:4])
    params["property_ids"], params["property_keys"], params["floor"] = found[4:]
    script.add(*identify.to_identify(sheet, params, call.unknown))
    if identify.needs_more(sheet, params, around.has_pending, around.has_erased):
        script.run(cursor, params)
        identify.bring_together(cursor, sheet, params, call.unknown)
        identify.settle(cursor, sheet, params, around.has_pending, around.has_erased)
    script.add(outcomes.COUNT)
    todo = outcomes.to_todo(script.run(cursor, params)[-1])
    outlived = _write_people(cursor, call, sheet, params, todo)
    result = _finish(cursor, call, sheet, params, todo, around)
    staging.note_empty(cursor, left - sheet.staged)
    return outcomes.with_outlived(result, sheet, outlived) if outlived else result


def _write_people(cursor: Any, call: Call, sheet: Sheet, params: dict[str, Any], todo: outcomes.Todo) -> Rows:
    """(item, objective key) of opt-ins that a later opt-out outlives."""
    if sheet.has_consents:
        cursor.execute(joins.by_hash(consents.STAGE_ANSWERS))
    if todo.updates or sheet.has_consents:
        people.update(cursor, params, sheet.has_consents)
    if todo.creates:
        people.create(cursor, params, sheet.has_consents)
    if params["property_ids"] and (todo.updates or todo.creates):
        identifiers.follow(cursor, params)
    if sheet.has_consents:
        for objective, count in joins.fetch_by_key(cursor, consents.ADD_ANSWERS, params):
            happenings.consent_changed(call.account.pk, count, objective)
        return _outlived(cursor, params)
    return []


def _outlived(cursor: Any, params: dict[str, Any]) -> Rows:
    found = joins.fetch_by_key(cursor, consents.OUTLIVED, params)
    if not found:
        return []
    people, objectives = zip(*found, strict=True)
    return joins.fetch_by_hash(
        cursor, consents.WHO_GAVE, {"people": list(people), "objectives": list(objectives)}
    )


def _finish(
    cursor: Any, call: Call, sheet: Sheet, params: dict[str, Any], todo: outcomes.Todo, around: Around
) -> Result:
    """Memberships, and what the call leaves behind: answers, news, counts, empty tables."""
    script, counts = Script(), outcomes.to_counts(todo, sheet)
    if todo.writes_members:
        script.add(members.to_write(todo.stored_members > 0))
    if todo.waits:
        script.add(pending.WRITE)
    if around.has_pending and (todo.updates or todo.creates):
        script.run(cursor, params)
        pending.apply_appeared(cursor, params)
    moved = todo.added + todo.removed > 0
    if moved:
        script.add(members.NOTE_CHANGED)
    items = script.add(outcomes.READ) if outcomes.has_items(todo, call.verbose) else None
    changed = script.add(CHANGE)
    counted = None if call.audience is None else script.add(members.to_count(moved))
    script.add(staging.empty(sheet.staged), of=staging.statements_to_empty(sheet.staged))
    answers = script.run(cursor, {**params, **_to_numbers(call, todo, counts), "all": call.verbose})
    rows = [] if items is None else answers[items]
    result = Result(counts=counts, **outcomes.to_items(rows, sheet, call.verbose))
    if answers[changed]:
        result = replace(result, profile_ids=tuple(answers[changed][0][0]))
        if not call.validate_only and not (call.atomic and result.errors):
            tell_changed(call.account.pk, around.wanted)
    if call.audience is None or counted is None:
        return result
    version, member_count, held_count = answers[counted][0]
    if around.is_heard:
        happenings.membership_changed(call.account.pk, call.audience, todo.added, todo.removed, version)
    return replace(result, version=version, member_count=member_count, held_count=held_count)


def _to_numbers(call: Call, todo: outcomes.Todo, counts: dict[str, int]) -> dict[str, Any]:
    """What is written to the audience's row."""
    last_sync = {
        "at": call.now.isoformat(),
        "kind": "delta",
        "source": call.source,
        **{key: counts[key] for key in ("added", "removed", "failed")},
    }
    return {
        "added": todo.added,
        "removed": todo.removed,
        "held_delta": todo.held_delta,
        "seen": int(todo.added + todo.removed > 0 or todo.held_delta != 0),
        "last_sync": orjson.dumps(last_sync).decode(),
    }
