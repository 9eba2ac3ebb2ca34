"""One call: a transaction that carries out operations and answers for each."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any

from django.db import DatabaseError, connection, transaction
from django.utils import timezone
from psycopg import errors

from audiences.ingest import history, outcomes, pending, steps
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
            "day": history.day_of(self.now),
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
            result = steps.run(cursor, call, sheet, alone, in_other_transaction)
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


def _objective_keys(account_id: int) -> frozenset[str]:
    return frozenset(Objective.objects.of(account_id).order_by().values_list("key", flat=True))
