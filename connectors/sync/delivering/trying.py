"""Test with a person: the gate's decision and the exact request first, then sending it, and the answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from django.contrib.postgres.functions import TransactionNow
from django.db import connection, transaction
from django.utils import timezone

from audiences.models import Profile
from connectors.esp.contract import Connector
from connectors.esp.exchange import Exchange, Request
from connectors.models import Goal, Outcome, Run, Subscriber
from connectors.sync import esp, runs, words
from connectors.sync.delivering.claiming import Batch, claim
from connectors.sync.delivering.delivery import Delivery
from connectors.sync.delivering.recording import Recorder
from connectors.sync.delivering.renaming import GONE
from connectors.sync.gate import withheld_sql
from connectors.sync.planning import executing
from connectors.sync.planning.plan import objective_keys
from connectors.sync.sources import Shape, fingerprint_sql, inputs_sql
from syncapp.accounts.models import User
from syncapp.work import Slice, wake

LOOK = """
SELECT {withheld},
       EXISTS (
           SELECT FROM audiences_member m WHERE m.account_id = %(account)s AND m.profile_id = p.id
             AND m.state = 'member' AND m.audience_id = ANY(%(audiences)s)
       ),
       {inputs}, {fingerprint}
FROM audiences_profile p WHERE p.account_id = %(account)s AND p.id = %(profile)s
"""
WAITS = "The ESP could not be asked now: the person is sent by the workers as soon as it can."


@dataclass(frozen=True, slots=True)
class Preview:
    """`withheld`: the reason's code, "" when the person may be sent; `words`: the same for staff.

    `request` is what would be sent: None when nothing would be. It holds the person's own data.
    """

    withheld: str
    words: str
    request: Request | None


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of sending one person. `exchanges` as recorded: shortened and without secrets or addresses.

    `run` and `outcome` are None when nothing was sent, `outcome` also while it is not known yet; then `words` say why.
    """

    preview: Preview
    run: Run | None = None
    exchanges: Sequence[Exchange] = ()
    outcome: Outcome | None = None
    words: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    withheld: str
    inputs: list[Any]
    fingerprint: Any
    returns: bool


def preview(goal: Goal, profile: Profile) -> Preview:
    """Nothing is sent; the ESP is asked for the list's fields. Raises CannotRun, ConnectorError."""
    check(goal)
    with (
        Recorder() as recorder,
        esp.connect(goal.connection.authorization, goal.connection, recorder) as connector,
    ):
        return shown(goal, connector, recorder, look(goal, Shape.of(goal), profile))


def send(goal: Goal, profile: Profile, user: User | None) -> Answer:
    """Send this one person now, as a worker would: gate, flight, outcome, in a run of one. Also of a goal that is
    switched off: that is when people test.

    Who may not be mailed is not sent. Raises CannotRun, ConnectorError when the list's fields cannot be read.
    """
    check(goal)
    shape = Shape.of(goal)
    with (
        Recorder() as recorder,
        esp.connect(goal.connection.authorization, goal.connection, recorder) as connector,
    ):
        found = look(goal, shape, profile)
        planned = shown(goal, connector, recorder, found)
        if planned.withheld:
            return Answer(planned, words=planned.words)
        run, batch = make_due(goal, shape, profile, found, user)
        if batch is None:
            return Answer(planned, run, words=WAITS)
        delivery = Delivery(goal, connector, recorder, Slice())
        flown = delivery.fly(delivery.target(shape), batch)
        delivery.land(flown)
    run.refresh_from_db()
    outcome = Outcome.objects.filter(run=run, profile=profile).first()
    if outcome is None:
        wake(runs.DELIVER, str(goal.pk), account_id=goal.account_id)
    return Answer(planned, run, flown.calls, outcome, "" if outcome is not None else run.reason or WAITS)


def check(goal: Goal) -> None:
    problem = runs.obstacle(goal, dry=True)
    if problem:
        raise runs.CannotRun(problem)


def shown(goal: Goal, connector: Connector, recorder: Recorder, found: Found) -> Preview:
    if found.withheld:
        return Preview(found.withheld, f"Not sent: {words.reason(found.withheld).lower()}.", None)
    target = Delivery(goal, connector, recorder, Slice()).target(Shape.of(goal))
    recorder.taken()
    contact = target.to_contact(found.inputs)
    request = connector.preview(goal.list_id, [contact], target.fields, restore=found.returns)
    return Preview("", "", request)


def look(goal: Goal, shape: Shape, profile: Profile) -> Found:
    """The gate's decision about the person now, and what their payload is made of."""
    parameters: dict[str, Any] = {
        "account": goal.account_id,
        "profile": profile.pk,
        "audiences": list(goal.audience_links.values_list("audience_id", flat=True)),
    }
    inputs = inputs_sql(shape, parameters)
    statement = LOOK.format(
        withheld=withheld_sql(objective_keys(goal), parameters),
        inputs=inputs,
        fingerprint=fingerprint_sql(inputs),
    )
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        withheld, is_member, written, fingerprint = cursor.fetchone()
    row = Subscriber.objects.filter(goal=goal, profile=profile).first()
    belongs = is_member or (row is not None and row.kept)
    state = "" if row is None else row.remote_state
    reason = withheld or ("" if belongs else "left") or (f"{state}_at_esp" if state in GONE else "")
    return Found(reason, orjson.loads(written), fingerprint, state == "left")


@transaction.atomic
def make_due(
    goal: Goal, shape: Shape, profile: Profile, found: Found, user: User | None
) -> tuple[Run, Batch | None]:
    """A run of one person, claimed at once; no batch when the person is being sent with something else right now.

    An earlier run that was to send them accounts for it.
    """
    goal = runs.locked(goal)
    now = timezone.now()
    run = Run(account_id=goal.account_id, goal=goal, trigger=Run.Trigger.MANUAL, requested_by=user)
    run.settings, run.state = executing.settings_of(goal, shape), Run.State.RUNNING
    run.started_at = run.heartbeat_at = now
    run.checked = run.waiting = 1
    run.save()
    row = Subscriber.objects.select_for_update(of=["self"]).filter(goal=goal, profile=profile).first()
    if row is not None and row.due_at is not None and row.run_id is not None:
        supersede(row)
    row = row or Subscriber(account_id=goal.account_id, goal=goal, profile=profile)
    row.wanted, row.reason, row.wanted_hash = Subscriber.Wanted.ON, "", found.fingerprint
    row.operation = Outcome.Operation.RESTORE if found.returns else Outcome.Operation.UPSERT
    row.run, row.attempts, row.crashes = run, 0, 0
    row.due_at = TransactionNow()  # what is claimed below is compared with the time the transaction began
    row.dead_at = row.first_failed_at = None
    row.error_class = row.error_code = row.error_message = ""
    row.save()
    batches = claim(goal, shape, row.operation, 1, after=profile.pk - 1)
    return run, batches[0] if batches and batches[0].last_id == profile.pk else None


def supersede(row: Subscriber) -> None:
    _, is_told = Outcome.objects.get_or_create(
        account_id=row.account_id,
        run_id=row.run_id,
        profile_id=row.profile_id,
        operation=row.operation,
        defaults={"result": Outcome.Result.SKIPPED, "code": "superseded"},
    )
    if is_told and row.run_id is not None:
        runs.take_over({(row.run_id, row.operation): 1})
