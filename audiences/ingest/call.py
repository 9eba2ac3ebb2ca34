"""One call: a transaction that carries out operations and answers for each."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
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
    """Ends the transaction without an effect; carries the answers."""

    def __init__(self, results: list[Result]) -> None:
        super().__init__()
        self.results = results


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


Work = Sequence[tuple[Call, Sheet]]


@dataclass(frozen=True, slots=True)
class Part:
    """What one call asks of one of its audiences."""

    audience: Audience
    operations: Sequence[Operation]
    unknown: Unknown


def apply_to_several(
    *,
    account: Account,
    parts: Sequence[Part],
    source: str,
    atomic: bool = False,
    validate_only: bool = False,
    verbose: bool = False,
    now: datetime | None = None,
) -> list[Result]:
    """As `apply`, for several audiences in one transaction: an answer for each part, in their order.

    No two parts are about one audience. A part sees what the parts before it wrote: people they made are known.
    """
    moment = now or timezone.now()
    calls = [
        Call(account, part.audience, part.unknown, source, "", moment, atomic, validate_only, verbose)
        for part in parts
    ]
    sheets = [make_sheet(call).add_all(part.operations) for call, part in zip(calls, parts, strict=True)]
    return carry_out_all(list(zip(calls, sheets, strict=True)))


def make_sheet(call: Call) -> Sheet:
    account_id = call.account.pk
    return Sheet(
        partial(checks_of, account_id),
        partial(_objective_keys, account_id),
        call.now,
        call.audience is not None,
    )


def carry_out(call: Call, sheet: Sheet) -> Result:
    (result,) = carry_out_all([(call, sheet)])
    return result


def carry_out_all(work: Work) -> list[Result]:
    """The transaction, repeated when another call got in between."""
    for attempt in range(ATTEMPTS):
        try:
            return _try_once(work, alone=attempt > 0)
        except DatabaseError as error:
            if not isinstance(error.__cause__, WORTH_REPEATING) or attempt == ATTEMPTS - 1:
                raise
            time.sleep(0.01 * attempt)
    raise AssertionError("The last attempt returns or raises.")


def _try_once(work: Work, alone: bool) -> list[Result]:
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            if len(work) > 1:
                steps.lock(cursor, [call for call, _ in work], alone)
            results = [steps.run(cursor, call, sheet, alone) for call, sheet in work]
            if any(call.validate_only or _is_refused(call, results) for call, _ in work):
                raise NotKept(results)
            return _as_they_stand(work, results) if len(work) > 1 else results
    except NotKept as kept:
        without = [
            outcomes.without_effect(result, sheet, _is_refused(call, kept.results))
            for (call, sheet), result in zip(work, kept.results, strict=True)
        ]
        return _as_they_stand(work, without)


def _is_refused(call: Call, results: Sequence[Result]) -> bool:
    """Atomic, and one item failed, in whichever part."""
    return call.atomic and any(result.errors for result in results)


def _as_they_stand(work: Work, results: Sequence[Result]) -> list[Result]:
    """With the counts as they are now: of what was not kept, or after what other parts did."""
    audience_ids = [None if call.audience is None else call.audience.pk for call, _ in work]
    rows = Audience.objects.of(work[0][0].account.pk).filter(pk__in=audience_ids)
    found = {
        audience_id: {"version": version, "member_count": members, "held_count": held}
        for audience_id, version, members, held in rows.values_list(
            "pk", "version", "member_count", "held_count"
        )
    }
    return [
        replace(result, **found.get(audience_id, {}))
        for audience_id, result in zip(audience_ids, results, strict=True)
    ]


def _objective_keys(account_id: int) -> frozenset[str]:
    return frozenset(Objective.objects.of(account_id).order_by().values_list("key", flat=True))
