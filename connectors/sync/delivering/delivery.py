"""Delivering a goal's due people for one slice of time.

Calls to the ESP, reading ahead and confirming overlap: one thread claims and reads, `concurrency` threads wait
for the ESP, and a few confirm. A single small batch (a change of one person) takes none of that and goes straight
through. Who was being sent when a worker died goes last: in small groups, and after a second death alone.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import InterfaceError, OperationalError, connection, transaction
from django.utils import timezone
from msgspec.structs import replace

from connectors.esp.contract import Connector, RemoteField
from connectors.esp.errors import ConnectorError, NotFound
from connectors.esp.exchange import Exchange
from connectors.models import Goal, Outcome, Run
from connectors.schedules.quiet import in_quiet_hours
from connectors.sync import esp, health, runs
from connectors.sync.delivering.claiming import MOST_SUSPECTED, Batch, claim, let_go, next_due_at, next_lane
from connectors.sync.delivering.confirming import confirm
from connectors.sync.delivering.crashes import put_down, take_back
from connectors.sync.delivering.crew import Crew
from connectors.sync.delivering.failing import stopped
from connectors.sync.delivering.recording import Recorder, keep_calls
from connectors.sync.delivering.sending import ONE_BY_ONE_PER_CLAIM, Sent, Target, send
from connectors.sync.sources import Shape, contact_maker
from syncapp.work import Slice, crashing

CONFIRMERS = 4  # threads writing what came back; fewer are slower than four calls at a time
NOT_APPROVED = "The mapping changed: what is sent by it waits until a full run is approved."
LOOK_AGAIN_S = 300.0  # the approval wakes the goal; whoever only switches holding off does not
LANDING_S = 3.0  # what a dead worker sent may be on its way still: it has to arrive before what we send
GATE_HOLDS_S = 5.0  # who was let through longer ago is asked again before being sent: the ESP is slow
SUSPECTS_TOGETHER = (
    32  # about the root of a batch: as many groups to find the right one, as people in it to find one
)
FIELDS_KEPT_S = 300.0  # the ESP's fields change when people rename them there; mappings must notice
PUT_DOWN_TRIES = 10  # a second apart: a database that is started anew is back by then
AUDIENCES = "profile:audiences"
Operation = Outcome.Operation
# Who said no is taken off before anyone is added.
LANES = (Operation.UNSUBSCRIBE, Operation.REMOVE, Operation.CLEAR, Operation.RESTORE, Operation.UPSERT)

_fields: dict[tuple[str, str], tuple[float, list[RemoteField]]] = {}


def deliver(goal: Goal, slice_: Slice) -> float | None:
    """Send what is due until the slice is over. Seconds until the next look; None when nothing is left to do."""
    problem = runs.obstacle(goal)
    if problem:
        runs.mark_waiting(open_run_ids(goal), problem)
        return None
    authorization = goal.connection.authorization
    pacer = esp.pacer_of(authorization)
    hindrance = pacer.hindrance()
    if hindrance is not None:
        return hold(goal, hindrance)
    with (
        Recorder() as recorder,
        esp.connect(authorization, goal.connection, recorder, pacer) as connector,
    ):
        return Delivery(goal, connector, recorder, slice_).run()


def hold(goal: Goal, hindrance: ConnectorError) -> float:
    """No call can be made for a while: whoever wakes the goal meanwhile costs a look, and nobody is claimed."""
    health.note_trouble(goal, hindrance)
    runs.mark_waiting(open_run_ids(goal), f"{hindrance} {hindrance.act_by.words}")
    return health.pause_s(hindrance, 0)


def open_run_ids(goal: Goal) -> list[Any]:
    return list(
        goal.runs.filter(state__in=[Run.State.RUNNING, Run.State.WAITING]).values_list("pk", flat=True)
    )


@dataclass(slots=True)
class Flown:
    """A batch on its way, with what came back."""

    batch: Batch
    sent: Sent
    calls: list[Exchange]


@dataclass
class Delivery:
    goal: Goal
    connector: Connector
    recorder: Recorder
    slice: Slice
    trouble: ConnectorError | None = None
    moved: bool = False
    worked: bool = False
    attempts: int = 0
    quiet_until: datetime | None = None
    not_approved: bool = False
    _claimed: dict[int, dict[str, int]] = field(default_factory=dict)
    _in_the_air: set[UUID] = field(default_factory=set)
    _target: Target | None = None

    def run(self) -> float | None:
        if take_back(self.goal):
            time.sleep(LANDING_S)
        shape = Shape.of(self.goal)
        self.quiet_until = in_quiet_hours(self.goal, timezone.now())
        self.not_approved = is_not_approved(self.goal, shape)
        try:
            self.send_everybody(shape)
        except Exception:
            self.put_down()
            raise
        return self.pause()

    def send_everybody(self, shape: Shape) -> None:
        batches = self.claim(shape)
        while len(batches) == 1 and len(batches[0].people) < self.limit(batches[0].operation):
            self.send_alone(shape, batches[0])
            batches = self.claim(shape)
        if batches and (target := self.ready_target(shape, batches)):
            self.keep_flying(shape, target, batches)
        for suspected in range(1, MOST_SUSPECTED + 1):
            self.send_suspects(shape, suspected)

    def send_alone(self, shape: Shape, batch: Batch) -> None:
        if target := self.ready_target(shape, [batch]):
            self.land(self.fly(target, batch))

    def send_suspects(self, shape: Shape, suspected: int) -> None:
        """People a worker died of, in small groups; whom two died of, one at a time: the third death tells.

        A worker killed from outside makes suspects of thousands: one by one they would hold up a goal for minutes.
        """
        while batches := self.claim(shape, suspected):
            target = self.ready_target(shape, batches)
            if target is None:
                return
            if len(batches) < self.concurrency:
                for batch in batches:
                    self.land(self.fly(target, batch)) if self.may_go_on() else self.let_go([batch])
                continue
            with Crew(len(batches)) as senders:
                for flown in [senders.do(self.fly, target, batch) for batch in batches]:
                    self.land(flown.result())

    def ready_target(self, shape: Shape, claimed: Sequence[Batch]) -> Target | None:
        """Where to send; None when the ESP does not let us know: then who was claimed stays due."""
        if self._target is None:
            try:
                self._target = self.target(shape)
            except ConnectorError as error:
                self.give_back(claimed, error)
        return self._target

    @property
    def only_withdrawn(self) -> bool:
        return self.quiet_until is not None or self.not_approved

    @property
    def concurrency(self) -> int:
        return self.connector.spec.limits.concurrency

    def limit(self, operation: str, suspected: int = 0) -> int:
        limit = self.connector.spec.limits.batch if operation == Operation.UPSERT else ONE_BY_ONE_PER_CLAIM
        return (limit, min(limit, SUSPECTS_TOGETHER), 1)[suspected]

    def claim(self, shape: Shape, suspected: int = 0) -> list[Batch]:
        """The next batches of the first lane in which somebody is due, one per sender; of suspects, smaller ones.

        In quiet hours, and while a changed mapping waits for a person, only who withdrew.
        """
        if not self.may_go_on():
            return []
        lanes = LANES[:1] if self.only_withdrawn else LANES
        claimed = self._claimed.setdefault(suspected, {lane.value: 0 for lane in lanes})
        to_look_at = dict(claimed)
        while operation := next_lane(
            self.goal, to_look_at, suspected=suspected, only_withdrawn=self.only_withdrawn
        ):
            batches = claim(
                self.goal,
                shape,
                operation,
                self.limit(operation, suspected),
                claimed[operation],
                1 if suspected == MOST_SUSPECTED else self.concurrency,
                suspected=suspected,
                only_withdrawn=self.only_withdrawn,
            )
            if batches:
                claimed[operation] = batches[-1].last_id
                self._in_the_air.update(batch.token for batch in batches)
                return batches
            del to_look_at[operation]  # who is due there is in the air with another operation
        return []

    def target(self, shape: Shape) -> Target:
        mapped = {field.target for field in shape.values}
        fields = self.remote_fields(mapped) if mapped else None
        missing = mapped - {remote.key for remote in fields or ()}
        if missing:
            raise NotFound(
                f"The field {min(missing)} does not exist on the list any more: map another one.",
                operation="fields",
            )
        emptied = tuple(field.target for field in shape.values if field.source == AUDIENCES)
        return Target(self.connector, self.goal.list_id, fields, contact_maker(shape), emptied)

    def remote_fields(self, needed: set[str]) -> list[RemoteField]:
        """The list's fields, read again when they are old or a needed one is not among them."""
        key = (str(self.goal.connection.authorization_id), self.goal.list_id)
        read_at, fields = _fields.get(key, (-FIELDS_KEPT_S, []))
        known = {field.key for field in fields}
        if not needed <= known or time.monotonic() - read_at > FIELDS_KEPT_S:
            fields = self.connector.fields(self.goal.list_id)
            _fields[key] = (time.monotonic(), fields)
        return fields

    def fly(self, target: Target, batch: Batch) -> Flown:
        crashing.reached("before_request", batch.operation)
        sent = send(target, batch)
        crashing.reached("after_answer", batch.operation)
        if sent.trouble is not None:
            self.trouble = sent.trouble  # at once: the others who wait for the ESP are to stop
        return Flown(batch, sent, self.recorder.taken())

    def keep_flying(self, shape: Shape, target: Target, first: Sequence[Batch]) -> None:
        """Claim ahead, send and confirm at the same time, until nobody is due or it is time to stop.

        Each claim fetches a batch per sender: claims of one batch wait as often for the database and for Python's
        lock, and the one thread that makes them could not feed the senders.
        """
        ready = deque(first)
        with Crew(1) as readers, Crew(self.concurrency) as senders, Crew(CONFIRMERS) as confirmers:
            claiming: Future[Any] | None = readers.do(self.claim, shape)
            flying: set[Future[Any]] = set()
            landing: set[Future[Any]] = set()
            while claiming is not None or ready or flying or landing:
                if not self.may_go_on():
                    self.let_go(ready)
                    ready.clear()
                while ready and len(flying) < self.concurrency and len(landing) <= CONFIRMERS:
                    batch = ready.popleft()
                    if batch.age_s > GATE_HOLDS_S:
                        self.let_go([batch])  # still due: the next execution finds them
                        continue
                    flying.add(senders.do(self.fly, target, batch))
                if claiming is not None and claiming.done() and len(ready) < self.concurrency:
                    ready.extend(found := claiming.result())
                    claiming = readers.do(self.claim, shape) if found and self.may_go_on() else None
                    continue
                awaited = {claiming} if claiming is not None and not claiming.done() else set()
                done, _ = wait(flying | landing | awaited, return_when=FIRST_COMPLETED)
                for flown in done & flying:
                    flying.discard(flown)
                    landing.add(confirmers.do(self.land, flown.result()))
                for landed in done & landing:
                    landing.discard(landed)
                    landed.result()

    def let_go(self, batches: Sequence[Batch]) -> None:
        let_go(self.goal, batches)
        self._in_the_air.difference_update(batch.token for batch in batches)

    def put_down(self) -> None:
        """The database failed in the middle, say: these people killed nobody. Tried again while it comes back."""
        for _ in range(PUT_DOWN_TRIES):
            if self.slice.is_lost() or not self._in_the_air:
                return
            try:
                put_down(self.goal, sorted(self._in_the_air))
            except (InterfaceError, OperationalError):
                connection.close()
                time.sleep(1)
            else:
                return

    def may_go_on(self) -> bool:
        return self.trouble is None and not self.slice.is_over()

    def land(self, flight: Flown) -> None:
        """Confirm a batch, and remember what stopped it."""
        with transaction.atomic():
            keep_calls(self.goal, flight.batch, flight.calls)
            confirm(self.goal, flight.batch, flight.sent.news)
            crashing.reached("before_commit", flight.batch.operation)
        self._in_the_air.discard(flight.batch.token)
        crashing.reached("after_commit", flight.batch.operation)
        if flight.sent.bug:
            health.note_bug(self.goal, flight.sent.bug)
        trouble = flight.sent.trouble
        if trouble is not None:
            self.stop(flight.batch, trouble)
            return
        if not self.moved:
            self.moved = True
            runs.mark_running(open_run_ids(self.goal))
        if flight.sent.passed and not self.worked:
            self.worked = True
            health.note_success(self.goal)

    def give_back(self, batches: Sequence[Batch], error: ConnectorError) -> None:
        """Nobody was sent: they stay due and used up no try."""
        told, *others = batches
        self.let_go(others)
        news = [
            replace(stopped(person, error), result="retry", counts=False, maybe_sent=False)
            for person in told.people
        ]
        confirm(self.goal, told, news)
        self._in_the_air.discard(told.token)
        keep_calls(self.goal, told, self.recorder.taken())
        self.stop(told, error)

    def stop(self, batch: Batch, trouble: ConnectorError) -> None:
        self.trouble = trouble
        self.attempts = max(person.attempts for person in batch.people) + 1
        health.note_trouble(self.goal, trouble)
        runs.mark_waiting(open_run_ids(self.goal), f"{trouble} {trouble.act_by.words}")

    def pause(self) -> float | None:
        """Seconds until this goal should be looked at again."""
        if self.trouble is not None:
            return health.pause_s(self.trouble, self.attempts)
        due_at = next_due_at(self.goal)
        if due_at is None:
            return None
        now = timezone.now()
        if self.only_withdrawn and not self.slice.is_over():
            runs.mark_waiting(open_run_ids(self.goal), self.why_others_wait())
            later = self.quiet_until or now + timedelta(seconds=LOOK_AGAIN_S)
            due_at = min(later, next_due_at(self.goal, only_withdrawn=True) or later)
        return max(0.0, (due_at - now).total_seconds())

    def why_others_wait(self) -> str:
        if self.quiet_until is None:
            return NOT_APPROVED
        return f"Quiet hours until {timezone.localtime(self.quiet_until, self.goal.account.zone):%H:%M}."


def is_not_approved(goal: Goal, shape: Shape) -> bool:
    """Who was due when the mapping changed would be sent by the new one, which nobody has looked at yet."""
    return goal.hold_changes and goal.approved_version not in (None, shape.version)
