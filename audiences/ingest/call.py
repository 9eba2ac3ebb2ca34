"""One call: a transaction that carries out operations and answers for each."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any

import orjson
from django.db import DatabaseError, connection, transaction
from django.utils import timezone
from psycopg import errors

from audiences import consents
from audiences.changes import tell_changed
from audiences.ingest import identify, locks, members, outcomes, pending, people, staging
from audiences.ingest.sheet import SOURCE_CHARS, Sheet
from audiences.ingest.types import Operation, Result, Unknown
from audiences.ingest.values import checks_of
from audiences.models import Audience, Objective
from syncapp.accounts.models import Account

ATTEMPTS = 6
WORTH_REPEATING = (
    errors.UniqueViolation,  # another call made the same person a moment earlier
    errors.ForeignKeyViolation,  # a person was deleted meanwhile
    errors.DeadlockDetected,
    errors.SerializationFailure,
)

PREPARE = """
SELECT set_config('jit', 'off', true),
    {people_lock}({people_key}),
    CASE WHEN %(audience)s IS NOT NULL THEN {audience_lock} END
"""

# After the locks: what was committed while waiting counts.
LOOK_AROUND = """
SELECT EXISTS (SELECT FROM audiences_pending WHERE account_id = %(account)s),
    EXISTS (SELECT FROM audiences_suppression WHERE account_id = %(account)s AND reason = 'erasure')
"""

CHANGE = """
INSERT INTO audiences_change (account_id, profile_ids, origin, created_at)
SELECT %(account)s, array_agg(DISTINCT profile_id), %(origin)s, %(now)s FROM ingest_changed HAVING count(*) > 0
RETURNING profile_ids
"""


class NotKept(Exception):
    """Ends the transaction without an effect; carries the answer."""

    def __init__(self, result: Result) -> None:
        super().__init__()
        self.result = result


@dataclass(frozen=True, slots=True)
class Call:
    """What one call was asked, beside its items."""

    account: Account
    audience: Audience | None
    unknown: Unknown
    source: str
    origin: str
    now: datetime
    atomic: bool = False
    validate_only: bool = False
    verbose: bool = False

    def __post_init__(self) -> None:
        if self.audience is not None and self.audience.account_id != self.account.pk:
            raise ValueError("The audience is another account's.")

    @property
    def params(self) -> dict[str, Any]:
        return {
            "account": self.account.pk,
            "audience": None if self.audience is None else self.audience.pk,
            "source": self.source[:SOURCE_CHARS],
            "origin": self.origin[:SOURCE_CHARS],
            "now": self.now,
            "expires_at": pending.expiry(self.now),
            "leaves_traces": self.unknown != "reject",
        }


def apply(
    *,
    account: Account,
    audience: Audience | None,
    operations: Iterable[Operation],
    unknown: Unknown,
    source: str,
    origin: str = "",
    atomic: bool = False,
    validate_only: bool = False,
    verbose: bool = False,
    now: datetime | None = None,
) -> Result:
    """Carry out operations in one transaction and answer for each. Runs in the account's scope.

    `unknown` says what becomes of people nobody knows yet: refused, made, or kept waiting for 30 days (hold keeps
    who it is, not what was said of them). `origin` names where the news came from (`connection:7`), so that it is
    not sent back there. `atomic`: one failed item and nothing is done. `validate_only`: the same answer, nothing
    done. Everything is in memory; use `load` for more than some ten thousand items.
    """
    moment = now or timezone.now()
    if audience is None and unknown == "hold":
        unknown = "reject"  # there is nothing to wait for
    call = Call(account, audience, unknown, source, origin, moment, atomic, validate_only, verbose)
    return carry_out(call, make_sheet(call).add_all(operations))


def make_sheet(call: Call) -> Sheet:
    account_id = call.account.pk
    return Sheet(
        partial(checks_of, account_id),
        partial(_objective_keys, account_id),
        call.now,
        call.audience is not None,
    )


def carry_out(call: Call, sheet: Sheet) -> Result:
    """The transaction, repeated when another call got in between."""
    for attempt in range(ATTEMPTS):
        try:
            return _try_once(call, sheet, alone=attempt > 0)
        except DatabaseError as error:
            if not isinstance(error.__cause__, WORTH_REPEATING) or attempt == ATTEMPTS - 1:
                raise
            time.sleep(0.01 * attempt)
    raise AssertionError("The last attempt returns or raises.")


def _try_once(call: Call, sheet: Sheet, alone: bool) -> Result:
    in_other_transaction = connection.in_atomic_block
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            result = _run(cursor, call, sheet, alone, in_other_transaction)
            if call.validate_only or (call.atomic and result.errors):
                raise NotKept(result)
            return result
    except NotKept as kept:
        return _as_it_stands(outcomes.without_effect(kept.result, sheet, call.atomic), call.audience)


def _as_it_stands(result: Result, audience: Audience | None) -> Result:
    if audience is None:
        return result
    row = Audience.objects.of(audience.account_id).values_list("version", "member_count", "held_count")
    version, member_count, held_count = row.get(pk=audience.pk)
    return replace(result, version=version, member_count=member_count, held_count=held_count)


def _run(cursor: Any, call: Call, sheet: Sheet, alone: bool, in_other_transaction: bool) -> Result:
    params = call.params
    prepare = PREPARE.format(
        people_lock="pg_advisory_xact_lock" if alone else "pg_advisory_xact_lock_shared",
        people_key=locks.PEOPLE,
        audience_lock=locks.AUDIENCE.format(id="%(audience)s::bigint"),
    )
    cursor.execute(prepare, params)
    cursor.execute(LOOK_AROUND, params)
    has_pending, has_erased = cursor.fetchone()
    staging.prepare(cursor, in_other_transaction)
    staging.stage(cursor, sheet)
    identify.identify(cursor, sheet, params, call.unknown)
    identify.settle(cursor, sheet, params, has_pending, has_erased)
    todo = outcomes.count(cursor)
    _write(cursor, call, sheet, params, todo, has_pending)
    return _finish(cursor, call, sheet, params, todo)


def _write(
    cursor: Any, call: Call, sheet: Sheet, params: dict[str, Any], todo: outcomes.Todo, has_pending: bool
) -> None:
    if sheet.has_consents:
        cursor.execute(staging.by_hash(consents.STAGE_ANSWERS))
    if todo.updates or sheet.has_consents:
        people.update(cursor, params, sheet.has_consents)
    if todo.creates:
        people.create(cursor, params, sheet.has_consents)
    if sheet.has_consents:
        cursor.execute(staging.by_key(consents.ADD_ANSWERS), params)
    if todo.writes_members:
        members.write(cursor, params, todo.stored_members > 0)
    if todo.waits:
        cursor.execute(pending.WRITE, params)
    if has_pending and (todo.updates or todo.creates):
        pending.apply_appeared(cursor, params)
    if todo.added or todo.removed:
        cursor.execute(members.NOTE_CHANGED)


def _finish(cursor: Any, call: Call, sheet: Sheet, params: dict[str, Any], todo: outcomes.Todo) -> Result:
    counts = outcomes.to_counts(todo, sheet)
    result = Result(counts=counts, **outcomes.read_items(cursor, sheet, todo, call.verbose))
    cursor.execute(CHANGE, params)
    row = cursor.fetchone()
    if row is not None:
        result = replace(result, profile_ids=tuple(row[0]))
        if not call.validate_only and not (call.atomic and result.errors):
            tell_changed(call.account.pk)
    if call.audience is not None:
        result = _count_audience(cursor, call, params, todo, result)
    return result


def _count_audience(
    cursor: Any, call: Call, params: dict[str, Any], todo: outcomes.Todo, result: Result
) -> Result:
    last_sync = {
        "at": call.now.isoformat(),
        "kind": "delta",
        **{key: result.counts[key] for key in ("added", "removed", "failed")},
    }
    deltas = {
        "added": todo.added,
        "removed": todo.removed,
        "held_delta": todo.held_delta,
        "seen": int(todo.added + todo.removed > 0 or todo.held_delta != 0),
        "last_sync": orjson.dumps(last_sync).decode(),
    }
    cursor.execute(members.COUNT_AUDIENCE, {**params, **deltas})
    version, member_count, held_count = cursor.fetchone()
    return replace(result, version=version, member_count=member_count, held_count=held_count)


def _objective_keys(account_id: int) -> frozenset[str]:
    return frozenset(Objective.objects.of(account_id).order_by().values_list("key", flat=True))
