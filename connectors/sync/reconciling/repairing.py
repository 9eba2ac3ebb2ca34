"""Repairing what a reconciliation found, as a plan: nothing is sent from here.

What we remember of the people chosen is set right, so that the next full run plans them; that run is queued, and
held until somebody approves it. An unsubscribe at the ESP is a withdrawn consent: it is recorded, and needs nobody's
approval. People whose memory changed since the comparison are left alone.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime

from django.db import connection, transaction
from django.utils import timezone

from audiences import ingest
from audiences.changes import record_change
from audiences.ingest import ConsentGiven, Operation
from connectors.models import Finding, Goal, Reconciliation, Run
from connectors.models.subscriber import UNKNOWN_HASH
from connectors.sync import runs
from connectors.sync.deciding import holding
from connectors.sync.reconciling.reconcile import RECONCILE, State, lock
from syncapp.accounts.models import User
from syncapp.database.joins import fetch_by_key
from syncapp.work import Slice, wake

Kind = Finding.Kind
REPAIRABLE = (Kind.STATE, Kind.MISSING, Kind.FIELDS, Kind.BACK, Kind.STAYS)
PEOPLE_AT_ONCE = 1000
RUN_PAUSE_S = 15.0  # until a full run that is on its way already has ended

# What each kind makes of the memory. Somebody missing was never sent; of whose fields differ, and of who is still
# there, nobody knows what the ESP holds; of who is gone or back, the ESP's word counts.
MEMORY = {
    Kind.MISSING: "accepted_hash = NULL, accepted_address = '', remote_state = ''",
    Kind.FIELDS: "accepted_hash = %(unknown)s",
    Kind.STAYS: "accepted_hash = %(unknown)s, remote_state = 'active'",
    Kind.BACK: "accepted_hash = coalesce(s.accepted_hash, %(unknown)s), remote_state = 'active'",
    Kind.STATE: "remote_state = l.seen",
}

# In the order of people, like everyone who locks them.
SET_RIGHT = """
WITH locked AS (
    SELECT s.*, f.seen, f.since FROM (
        SELECT * FROM (
            SELECT number, seen, since, profile_id FROM connectors_finding
            WHERE account_id = %(account)s AND reconciliation_id = %(reconciliation)s AND kind = %(kind)s
              AND number > %(after)s
            ORDER BY number LIMIT %(limit)s
        ) chosen ORDER BY profile_id
    ) f
    CROSS JOIN LATERAL (
        SELECT account_id, goal_id, profile_id FROM connectors_subscriber
        WHERE account_id = %(account)s AND goal_id = %(goal)s AND profile_id = f.profile_id
          AND due_at IS NULL AND updated_at < %(compared_at)s
        FOR UPDATE
    ) s
)
UPDATE connectors_subscriber s SET {memory}, updated_at = now()
FROM locked l WHERE s.account_id = l.account_id AND s.goal_id = l.goal_id AND s.profile_id = l.profile_id
RETURNING l.profile_id, l.seen, l.since
"""


class CannotRepair(RuntimeError):
    """In words for staff: why not."""


@transaction.atomic
def repair(
    reconciliation: Reconciliation, user: User, kinds: Collection[str], reason: str = ""
) -> Reconciliation:
    """Have workers prepare the repair of these kinds of differences. Raises CannotRepair."""
    goal = reconciliation.goal
    lock(goal)
    rows = Reconciliation.objects.select_for_update(no_key=True, of=["self"])
    mine: Reconciliation = rows.get(pk=reconciliation.pk)
    chosen = [kind.value for kind in REPAIRABLE if kind in kinds]
    problem = obstacle(mine, chosen)
    if problem:
        raise CannotRepair(problem)
    mine.state, mine.cursor, mine.reason = State.REPAIRING, "", ""
    mine.repair = {"kinds": chosen, "reason": reason[:300], "repaired": {}, "withdrawn": 0}
    mine.repaired_by = user
    mine.save()
    wake(RECONCILE, str(mine.pk), account_id=mine.account_id)
    return mine


def obstacle(reconciliation: Reconciliation, kinds: Collection[str]) -> str:
    goal = reconciliation.goal
    if not kinds:
        return "Choose what to repair."
    if reconciliation.is_open:
        return "This reconciliation is still under way."
    if reconciliation.repaired_at is not None:
        return "This was repaired already. Reconcile again to see what is left."
    newest = goal.reconciliations.exclude(state=State.FAILED).order_by("-queued_at").first()
    if newest != reconciliation or reconciliation.state != State.DONE:
        return "There is a newer reconciliation: repair what that one found."
    if goal.list_id and (problem := runs.obstacle(goal)):
        return problem
    return ""


def advance(reconciliation: Reconciliation, slice_: Slice) -> float | None:
    """Set the memory of one kind after the other right, then queue the run. Seconds until the next look, or None."""
    for kind in reconciliation.repair["kinds"]:
        while is_left(reconciliation, kind):
            if slice_.is_over():
                return 0
            set_right_some(reconciliation, kind)
    return queue_run(reconciliation)


def is_left(reconciliation: Reconciliation, kind: str) -> bool:
    done = reconciliation.repair["repaired"].get(kind)
    return done is None or done["after"] is not None


@transaction.atomic
def set_right_some(reconciliation: Reconciliation, kind: str) -> None:
    """The next people of one kind, and where to go on, all or nothing."""
    runs.lock(reconciliation.goal)
    plan = reconciliation.repair
    done = plan["repaired"].get(kind, {"people": 0, "after": 0})
    last = last_number(reconciliation, kind, done["after"])
    rows = set_right(reconciliation, kind, done["after"])
    if kind == Kind.STATE and rows:
        record_change(
            account_id=reconciliation.account_id,
            profile_ids=[profile_id for profile_id, _, _ in rows],
            origin=source_of(reconciliation.goal),
        )
        plan["withdrawn"] += withdraw(reconciliation, rows)
    plan["repaired"][kind] = {"people": done["people"] + len(rows), "after": last}
    Reconciliation.objects.filter(pk=reconciliation.pk).update(repair=plan)


def last_number(reconciliation: Reconciliation, kind: str, after: int) -> int | None:
    """Of the people that `set_right` looks at; None when nobody comes after them."""
    rows = Finding.objects.filter(reconciliation=reconciliation, kind=kind, number__gt=after)
    numbers = list(rows.order_by("number").values_list("number", flat=True)[: PEOPLE_AT_ONCE + 1])
    return numbers[PEOPLE_AT_ONCE - 1] if len(numbers) > PEOPLE_AT_ONCE else None


def set_right(
    reconciliation: Reconciliation, kind: str, after: int
) -> list[tuple[int, str, datetime | None]]:
    """(profile id, state at the ESP, since when) of those whose memory was set right."""
    parameters = {
        "account": reconciliation.account_id,
        "goal": reconciliation.goal_id,
        "reconciliation": reconciliation.pk,
        "compared_at": reconciliation.compared_at,
        "unknown": UNKNOWN_HASH,
        "kind": kind,
        "after": after,
        "limit": PEOPLE_AT_ONCE,
    }
    with connection.cursor() as cursor:
        return fetch_by_key(cursor, SET_RIGHT.format(memory=MEMORY[Kind(kind)]), parameters)


def withdraw(reconciliation: Reconciliation, rows: list[tuple[int, str, datetime | None]]) -> int:
    """Record the unsubscribes among them as consent withdrawn, for every objective of the connection."""
    leaving = [(profile_id, since) for profile_id, seen, since in rows if seen == Finding.Seen.UNSUBSCRIBED]
    if leaving:
        ingest.apply(
            account=reconciliation.goal.account,
            audience=None,
            operations=withdrawals(reconciliation, leaving),
            unknown="reject",
            source=source_of(reconciliation.goal),
            origin=source_of(reconciliation.goal),
        )
    return len(leaving)


def withdrawals(
    reconciliation: Reconciliation, leaving: list[tuple[int, datetime | None]]
) -> Iterator[Operation]:
    """The moment is the ESP's, or that of the reading where it told none."""
    goal, read_at = reconciliation.goal, reconciliation.began_at or timezone.now()
    keys = list(goal.connection.objectives.order_by("key").values_list("key", flat=True))
    evidence = {"list": goal.list_id, "reconciliation": reconciliation.pk, "state": "unsubscribed"}
    for index, (profile_id, since) in enumerate(leaving):
        moment = min(since or read_at, read_at)
        denied = tuple(ConsentGiven(key, "denied", moment, "import", evidence) for key in keys)
        yield Operation(index, "upsert", "id", str(profile_id), None, denied)


def source_of(goal: Goal) -> str:
    return f"connection:{goal.connection_id}"


@transaction.atomic
def queue_run(reconciliation: Reconciliation) -> float | None:
    """A full run that plans those set right, and is held; one that is held already is planned again with them.

    One that is on its way has to end first.
    """
    goal = runs.locked(reconciliation.goal)
    open_run = goal.runs.filter(full=True, dry=False, state__in=Run.OPEN).first()
    if open_run is not None and open_run.state != Run.State.HELD:
        waits = "A full run of this goal is on its way: the repair follows when it has ended."
        Reconciliation.objects.filter(pk=reconciliation.pk).update(reason=waits)
        return RUN_PAUSE_S
    try:
        run = (
            runs.queue_full_run(goal, trigger=Run.Trigger.REPAIR, requested_by=reconciliation.repaired_by)
            if open_run is None
            else holding.plan_again(open_run)
        )
    except runs.CannotRun as problem:
        Reconciliation.objects.filter(pk=reconciliation.pk).update(
            state=State.DONE,
            reason=f"Prepared, but it cannot run: {problem}"[:300],
            repaired_at=timezone.now(),
        )
        return None
    Reconciliation.objects.filter(pk=reconciliation.pk, state=State.REPAIRING).update(
        state=State.DONE, reason="", repaired_at=timezone.now(), repair_run=run
    )
    return None
