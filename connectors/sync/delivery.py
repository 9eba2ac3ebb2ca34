"""Delivering a goal's due people for one slice of time.

Calls to the ESP, reading ahead and confirming overlap: one thread claims and reads, `concurrency` threads wait
for the ESP, and a few confirm. A single small batch (a change of one person) takes none of that and goes straight
through.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction
from django.utils import timezone

from connectors.esp.contract import Connector, RemoteField
from connectors.esp.errors import ConnectorError, NotFound
from connectors.esp.exchange import Exchange
from connectors.models import Goal, Outcome, Run
from connectors.sync import esp, health, runs
from connectors.sync.claiming import Batch, claim, let_go, next_due_at, take_back
from connectors.sync.confirming import News, confirm
from connectors.sync.crew import Crew
from connectors.sync.recording import Recorder, keep_calls
from connectors.sync.sending import UNSUBSCRIBES_PER_CLAIM, Sent, Target, send
from connectors.sync.sources import Shape, contact_maker
from syncapp.work import Slice, crashing

CONFIRMERS = 4  # threads writing what came back; fewer are slower than four calls at a time
GATE_HOLDS_S = 5.0  # who was let through longer ago is asked again before being sent: the ESP is slow
FIELDS_KEPT_S = 300.0  # the ESP's fields change when people rename them there; mappings must notice

_fields: dict[tuple[str, str], tuple[float, list[RemoteField]]] = {}


def deliver(goal: Goal, slice_: Slice) -> float | None:
    """Send what is due until the slice is over. Seconds until the next look; None when nothing is left to do."""
    problem = runs.obstacle(goal)
    if problem:
        runs.mark_waiting(open_run_ids(goal), problem)
        return None
    with (
        Recorder() as recorder,
        esp.connect(goal.connection.authorization, goal.connection, recorder) as connector,
    ):
        return Delivery(goal, connector, recorder, slice_).run()


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
    attempts: int = 0
    _claimed: dict[str, int] = field(default_factory=dict)

    def run(self) -> float | None:
        shape = Shape.of(self.goal)
        take_back(self.goal)
        first = self.claim(shape)
        if not first:
            return self.pause()
        try:
            target = self.target(shape)
        except ConnectorError as error:
            self.give_back(first, error)
            return self.pause()
        if len(first) == 1 and len(first[0].people) < self.limit(first[0].operation):
            self.land(self.fly(target, first[0]))
        else:
            self.keep_flying(shape, target, first)
        return self.pause()

    @property
    def concurrency(self) -> int:
        return self.connector.spec.limits.concurrency

    def limit(self, operation: str) -> int:
        if operation == Outcome.Operation.UNSUBSCRIBE:
            return UNSUBSCRIBES_PER_CLAIM
        return self.connector.spec.limits.batch

    def claim(self, shape: Shape) -> list[Batch]:
        """Withdrawals first: who said no is taken off before anyone is added."""
        for operation in (Outcome.Operation.UNSUBSCRIBE, Outcome.Operation.UPSERT):
            after = self._claimed.get(operation, 0)
            batches = claim(self.goal, shape, operation, self.limit(operation), after, self.concurrency)
            if batches:
                self._claimed[operation] = batches[-1].last_id
                return batches
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
        return Target(self.connector, self.goal.list_id, fields, contact_maker(shape))

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
                    let_go(self.goal, ready)
                    ready.clear()
                while ready and len(flying) < self.concurrency and len(landing) <= CONFIRMERS:
                    batch = ready.popleft()
                    if batch.age_s > GATE_HOLDS_S:
                        let_go(self.goal, [batch])  # still due: the next execution finds them
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

    def may_go_on(self) -> bool:
        return self.trouble is None and not self.slice.is_over()

    def land(self, flight: Flown) -> None:
        """Confirm a batch, and remember what stopped it."""
        with transaction.atomic():
            keep_calls(self.goal, flight.batch, flight.calls)
            confirm(self.goal, flight.batch, flight.sent.news)
            crashing.reached("before_commit", flight.batch.operation)
        crashing.reached("after_commit", flight.batch.operation)
        trouble = flight.sent.trouble
        if trouble is not None:
            self.stop(flight.batch, trouble)
        elif not self.moved:
            self.moved = True
            health.note_success(self.goal)
            runs.mark_running(open_run_ids(self.goal))

    def give_back(self, batches: Sequence[Batch], error: ConnectorError) -> None:
        """Nobody was sent: they stay due and used up no try."""
        told, *others = batches
        let_go(self.goal, others)
        confirm(self.goal, told, [News("retry", "stopped", str(error), counts=False)] * len(told.people))
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
        return max(0.0, (due_at - timezone.now()).total_seconds())
