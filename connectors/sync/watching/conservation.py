"""Nobody is lost on the books: every run's counters, worked out again from what happened to each person.

One statement per account, so that all of it is one moment's view while workers go on. Expected is what outcomes
and due people say; found is what the run says.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import connection
from django.utils import timezone

from connectors import alerts
from connectors.models import Outcome
from syncapp.accounts import scope
from syncapp.accounts.models import Account

LOOKED_BACK = timedelta(days=2)  # by the daily check: what ended before was checked when it was young

# Who was not asked to do anything (unchanged) has no outcome: that counter is part of the sums only.
DIFFERENCES = """
WITH run AS MATERIALIZED (
    SELECT * FROM connectors_run
    WHERE account_id = %(account)s AND (finished_at IS NULL OR finished_at >= %(since)s OR %(since)s IS NULL)
),
told AS (
    SELECT run_id, operation = ANY(%(taking_off)s) AS is_removal, result,
           CASE WHEN result = 'skipped' THEN code ELSE '' END AS code, count(*) AS people
    FROM connectors_outcome WHERE account_id = %(account)s AND run_id IN (SELECT id FROM run)
    GROUP BY 1, 2, 3, 4
    UNION ALL
    SELECT id, split_part(key, '/', 1) = ANY(%(taking_off)s), split_part(key, '/', 2), split_part(key, '/', 3),
           value::bigint
    FROM run, jsonb_each_text(forgotten)
),
expected AS (
    SELECT run_id, what, sum(people) AS people FROM (
        SELECT run_id, people, CASE
            WHEN is_removal AND result = 'removed' THEN 'removed'
            WHEN is_removal THEN 'removal_' || result
            WHEN result = 'skipped' THEN 'skipped: ' || code
            ELSE result END AS what
        FROM told
        UNION ALL
        SELECT run_id, count(*),
               CASE WHEN operation = ANY(%(taking_off)s) THEN 'removal_waiting' ELSE 'waiting' END
        FROM connectors_subscriber WHERE account_id = %(account)s AND due_at IS NOT NULL GROUP BY run_id, 3
        UNION ALL
        SELECT id, created + updated + unchanged + rejected + dead + waiting
                   + coalesce((SELECT sum(value::bigint) FROM jsonb_each_text(skipped)), 0), 'checked' FROM run
        UNION ALL
        SELECT id, removed + removal_rejected + removal_dead + removal_skipped + removal_waiting, 'removals'
        FROM run
    ) counted
    GROUP BY run_id, what
),
found AS (
    SELECT id AS run_id, counter.what, counter.people FROM run CROSS JOIN LATERAL (VALUES
        ('checked', checked), ('created', created), ('updated', updated), ('rejected', rejected), ('dead', dead),
        ('waiting', waiting), ('removals', removals), ('removed', removed),
        ('removal_rejected', removal_rejected), ('removal_dead', removal_dead),
        ('removal_skipped', removal_skipped), ('removal_waiting', removal_waiting)
    ) counter (what, people)
    UNION ALL
    SELECT id, 'skipped: ' || reason.key, reason.value::bigint FROM run, jsonb_each_text(skipped) reason
)
SELECT coalesce(e.run_id, f.run_id), coalesce(e.what, f.what), coalesce(e.people, 0), coalesce(f.people, 0)
FROM expected e FULL JOIN found f ON f.run_id = e.run_id AND f.what = e.what
WHERE coalesce(e.people, 0) <> coalesce(f.people, 0)
ORDER BY 1, 2
"""

BOOKS = """
SELECT count(*), coalesce(sum(checked + removals), 0),
       coalesce(sum(created + updated + unchanged + removed + skips.people - skips.cancelled + removal_skipped), 0),
       coalesce(sum(rejected + dead + removal_rejected + removal_dead), 0),
       coalesce(sum(skips.cancelled), 0), coalesce(sum(waiting + removal_waiting), 0)
FROM connectors_run CROSS JOIN LATERAL (
    SELECT coalesce(sum(value::bigint), 0) AS people,
           coalesce(sum(value::bigint) FILTER (WHERE key = 'cancelled'), 0) AS cancelled
    FROM jsonb_each_text(skipped)
) skips
WHERE account_id = %(account)s
"""


@dataclass(frozen=True, slots=True)
class Difference:
    """One counter that says something else than the people do. `run_id` None: people due that no run accounts for."""

    account: str
    run_id: UUID | None
    what: str
    expected: int
    found: int


@dataclass(frozen=True, slots=True)
class Books:
    """An account's people by what became of them, over all its runs. `done` includes who was withheld, `dead` who
    was rejected; removals that were cancelled count as done."""

    runs: int
    accepted: int
    done: int
    dead: int
    cancelled: int
    waiting: int

    @property
    def difference(self) -> int:
        return self.accepted - self.done - self.dead - self.cancelled - self.waiting


def differences_of(account: Account, since: datetime | None = None) -> list[Difference]:
    """Every counter of the account's runs that does not close. `since`: leave out what ended before."""
    parameters = {
        "account": account.pk,
        "since": since,
        "taking_off": [str(operation) for operation in Outcome.TAKING_OFF],
    }
    with scope.account(account), connection.cursor() as cursor:
        cursor.execute(DIFFERENCES, parameters)
        return [Difference(account.slug, *row) for row in cursor.fetchall()]


def books_of(account: Account) -> Books:
    with scope.account(account), connection.cursor() as cursor:
        cursor.execute(BOOKS, {"account": account.pk})
        return Books(*map(int, cursor.fetchone()))


def check_every_account() -> None:
    """Once a day: a difference is an alert, and its end is told too."""
    since = timezone.now() - LOOKED_BACK
    for account in Account.objects.order_by("pk"):
        found = differences_of(account, since)
        with scope.account(account):
            alerts.conservation_broken(account, len(found)) if found else alerts.conservation_holds(account)
