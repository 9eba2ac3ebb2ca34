"""Confirming: what came of a batch becomes memory, outcomes and run counters, in one transaction."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

import msgspec
from django.db import connection, transaction

from audiences.changes import record_change
from connectors.models import Flight, Goal
from connectors.sync import runs
from connectors.sync.claiming import UNSURE, Batch, Person

# One statement per kind of news. A plan made meanwhile gave the row another run: then what was sent is remembered,
# and the row stays due for that run. Rows come in the order of people and are locked in it, so that plans and
# confirmations never deadlock. They are locked one by one and written by place, because a table that was just
# planned has no statistics to be joined by: a hash over the whole of it cost ten times as much.
CONFIRM = """
WITH news AS (
    SELECT * FROM unnest(
        string_to_array(%(ids)s, ',')::bigint[],
        string_to_array(%(addresses)s, E'\\n'),
        string_to_array(%(sent)s, ',', '')::uuid[]
    ) AS n(profile_id, address, sent)
),
locked AS (
    SELECT s.place, s.profile_id, n.address, n.sent, %(operation)s::text AS operation,
           s.run_id IS NOT DISTINCT FROM %(run)s::uuid AND s.operation = %(operation)s AS is_current
    FROM news n CROSS JOIN LATERAL (
        SELECT ctid AS place, profile_id, run_id, operation FROM connectors_subscriber
        WHERE account_id = %(account)s AND goal_id = %(goal)s AND profile_id = n.profile_id FOR UPDATE
    ) s
),
written AS (
    UPDATE connectors_subscriber s SET {changes}, updated_at = now()
    FROM locked l WHERE s.account_id = %(account)s AND s.ctid = l.place
),
told AS (
    INSERT INTO connectors_outcome (account_id, run_id, profile_id, operation, result, code, message, at)
    SELECT %(account)s, %(run)s, profile_id, %(operation)s, %(result)s, %(code)s, %(message)s, now()
    FROM locked WHERE {tells} AND %(result)s <> 'retry' AND %(run)s::uuid IS NOT NULL
    ON CONFLICT DO NOTHING
    RETURNING 1
)
SELECT count(*) FROM told
"""
HOLD = """
SELECT count(*) FROM (
    SELECT unnest(string_to_array(%s, ',')::bigint[]) AS id
) one CROSS JOIN LATERAL (
    SELECT FROM connectors_subscriber
    WHERE account_id = %s AND goal_id = %s AND profile_id = one.id FOR UPDATE
) held
"""
ACCEPTED = """
        accepted_hash = l.sent, accepted_address = l.address, accepted_at = now(), tried_addresses = NULL,
        wanted_hash = CASE WHEN l.is_current THEN l.sent ELSE s.wanted_hash END"""
TAKEN_OFF = "accepted_hash = NULL, accepted_at = now(), tried_addresses = NULL"
DONE = """
        remote_state = coalesce(nullif(%(state)s, ''), s.remote_state),
        reason = CASE WHEN l.is_current AND %(result)s = 'skipped' THEN %(code)s ELSE s.reason END,
        error_code = CASE WHEN %(result)s = 'rejected' THEN %(code)s ELSE '' END,
        error_message = CASE WHEN %(result)s = 'rejected' THEN %(message)s ELSE '' END,
        due_at = CASE WHEN l.is_current THEN NULL ELSE s.due_at END,
        operation = CASE WHEN l.is_current THEN '' ELSE s.operation END,
        run_id = CASE WHEN l.is_current THEN NULL ELSE s.run_id END,
        attempts = CASE WHEN l.is_current THEN 0 ELSE s.attempts END"""
# A row that a plan made meanwhile wants nothing of any more stays so: without an operation nobody could claim it.
AGAIN = """
        due_at = CASE WHEN s.due_at IS NOT NULL
            THEN greatest(s.due_at, now() + make_interval(secs => %(delay_s)s)) END,
        error_code = %(code)s, error_message = %(message)s,
        attempts = s.attempts + CASE WHEN %(counts)s THEN 1 ELSE 0 END"""
CHANGES = {
    "created": f"{ACCEPTED}, {DONE}",
    "updated": f"{ACCEPTED}, {DONE}",
    "removed": f"{TAKEN_OFF}, {DONE}",
    "rejected": DONE,
    "skipped": DONE,
    "retry": AGAIN,
    "unsure": f"{UNSURE}, {AGAIN}",
    "late": f"""{UNSURE},
        remote_state = CASE WHEN s.accepted_hash IS NULL AND l.operation = 'upsert' THEN '' ELSE s.remote_state END""",
}


class News(msgspec.Struct, frozen=True, gc=False):
    """What came of one claimed person. `result`: created, updated, removed, rejected, skipped, or retry.

    For a retry, `delay_s` is the person's own pause and `counts` whether it used up a try.
    """

    person: Person
    result: str
    code: str = ""
    message: str = ""
    address: str = ""
    sent: str = ""
    state: str = ""
    delay_s: float = 0
    counts: bool = True


@transaction.atomic
def confirm(goal: Goal, batch: Batch, news: Sequence[News]) -> None:
    """Write what came of the batch: memory, outcomes and run counters in one transaction.

    Nothing is written when the flight is gone; rows that were planned anew meanwhile stay due.
    """
    landed, _ = Flight.objects.filter(pk=batch.token).delete()
    if not landed:
        note_late(goal, batch, news)
        return
    counted: dict[UUID, Counter[tuple[str, str, str]]] = {}
    groups = grouped(news)
    if len(groups) > 1:
        hold(goal, [one.person.profile_id for one in news])
    for kind, group in sorted(groups.items(), key=lambda item: str(item[0])):
        people = confirm_group(goal, batch, kind, group)
        if people and kind.run_id is not None:
            code = kind.code[:40] if kind.result == "skipped" else ""
            counted.setdefault(UUID(kind.run_id), Counter())[batch.operation, kind.result, code] += people
    runs.count(counted)


def note_late(goal: Goal, batch: Batch, news: Sequence[News]) -> None:
    """What a worker sent that was taken for dead may have reached the ESP after what others sent: look again."""
    sent = [one for one in news if one.result not in ("skipped", "rejected")]
    if not sent:
        return
    everyone = sorted(one.person.profile_id for one in sent)
    hold(goal, everyone)
    for kind, group in grouped(sent).items():
        confirm_group(goal, batch, kind, group, "late")
    record_change(account_id=goal.account_id, profile_ids=everyone, origin="late answer")


def hold(goal: Goal, profile_ids: Sequence[int]) -> None:
    """Lock the people of several groups in one order, as plans do."""
    with connection.cursor() as cursor:
        cursor.execute(HOLD, [",".join(map(str, sorted(profile_ids))), goal.account_id, goal.pk])


class Kind(NamedTuple):
    """What people of a batch have in common, so that one statement writes them."""

    run_id: str | None
    result: str
    code: str
    message: str
    state: str
    delay_s: float
    counts: bool


def change_of(kind: Kind) -> str:
    """A try that counts may have had an effect."""
    return "unsure" if kind.result == "retry" and kind.counts else kind.result


def grouped(news: Sequence[News]) -> dict[Kind, list[News]]:
    groups: dict[Kind, list[News]] = {}
    for one in news:
        kind = Kind(one.person.run_id, one.result, one.code, one.message, one.state, one.delay_s, one.counts)
        groups.setdefault(kind, []).append(one)
    return groups


def confirm_group(goal: Goal, batch: Batch, kind: Kind, group: Sequence[News], change: str = "") -> int:
    """Write one kind of news; how many people it became an outcome for.

    Lists travel as joined text: writing array literals in Python cost more than the statement itself.
    """
    group = sorted(group, key=lambda one: one.person.profile_id)
    with connection.cursor() as cursor:
        cursor.execute(
            CONFIRM.replace("{changes}", CHANGES[change or change_of(kind)]).replace(
                "{tells}", "false" if change else "is_current"
            ),
            {
                "account": goal.account_id,
                "goal": goal.pk,
                "operation": batch.operation,
                "run": kind.run_id,
                "result": kind.result,
                "code": kind.code[:40],
                "message": kind.message[:300],
                "state": kind.state,
                "delay_s": kind.delay_s,
                "counts": kind.counts,
                "ids": ",".join(str(one.person.profile_id) for one in group),
                "addresses": "\n".join(one.address for one in group),
                "sent": ",".join(one.sent for one in group),
            },
        )
        (people,) = cursor.fetchone()
    return int(people)
