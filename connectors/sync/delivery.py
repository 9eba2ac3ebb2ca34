"""Delivering a goal's due people for one slice of time.

Calls to the ESP, reading ahead and confirming overlap: one thread claims and reads, `concurrency` threads wait
for the ESP, and the calling thread confirms. A single small batch (a change of one person) takes none of that
and goes straight through.
"""

from __future__ import annotations

import contextvars
import threading
import time
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Any, Self, TypeVar

from django.db import connection
from django.utils import timezone

from connectors.esp.contract import Connector, RemoteField
from connectors.esp.errors import ConnectorError, NotFound
from connectors.esp.exchange import Exchange
from connectors.models import Call, Goal, Outcome, Run
from connectors.sync import esp, health, runs
from connectors.sync.claiming import Batch, claim, next_due_at, take_back
from connectors.sync.confirming import News, confirm
from connectors.sync.sending import UNSUBSCRIBES_PER_CLAIM, Sent, Target, send
from connectors.sync.sources import NAME_TARGET, Shape
from syncapp.work import Slice

T = TypeVar("T")
CONFIRMERS = 2  # threads writing what came back; one of them alone is slower than four calls at a time
FIELDS_KEPT_S = 300.0  # the ESP's fields change when people rename them there; mappings must notice

_fields: dict[tuple[str, str], tuple[float, list[RemoteField]]] = {}


class Crew:
    """Threads that work in the caller's scope of accounts, and hang up their database connections at the end."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._pool = ThreadPoolExecutor(size)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        everyone = threading.Barrier(self._size)
        for _number in range(self._size):
            self._pool.submit(hang_up, everyone)
        self._pool.shutdown()

    def do(self, work: Callable[..., T], *arguments: Any) -> Future[T]:
        return self._pool.submit(contextvars.copy_context().run, work, *arguments)


def hang_up(everyone: threading.Barrier) -> None:
    """Each thread closes its own; the barrier keeps one from closing for two."""
    connection.close()
    everyone.wait()


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


class Recorder:
    """Collects the calls of each thread; `taken` gives the calling thread's and forgets them."""

    def __init__(self) -> None:
        self._calls = threading.local()

    def __enter__(self) -> Recorder:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing to release."""

    def __call__(self, exchange: Exchange) -> None:
        self._calls.__dict__.setdefault("made", []).append(exchange)

    def taken(self) -> list[Exchange]:
        made: list[Exchange] = self._calls.__dict__.pop("made", [])
        return made


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
        if first is None:
            return self.pause()
        try:
            target = self.target(shape)
        except ConnectorError as error:
            self.give_back(first, error)
            return self.pause()
        self.land(self.fly(target, first))
        if self.trouble is None and len(first.people) >= self.limit(first.operation):
            self.keep_flying(target)
        return self.pause()

    def limit(self, operation: str) -> int:
        if operation == Outcome.Operation.UNSUBSCRIBE:
            return UNSUBSCRIBES_PER_CLAIM
        return self.connector.spec.limits.batch

    def claim(self, shape: Shape) -> Batch | None:
        """Withdrawals first: who said no is taken off before anyone is added."""
        for operation in (Outcome.Operation.UNSUBSCRIBE, Outcome.Operation.UPSERT):
            after = self._claimed.get(operation, 0)
            batch = claim(self.goal, shape, operation, self.limit(operation), after)
            if batch is not None:
                self._claimed[operation] = batch.last_id
                return batch
        return None

    def target(self, shape: Shape) -> Target:
        mapped = {field.target for field in shape.fields if field.target != NAME_TARGET}
        fields = self.remote_fields(mapped) if mapped else None
        missing = mapped - {remote.key for remote in fields or ()}
        if missing:
            raise NotFound(
                f"The field {min(missing)} does not exist on the list any more: map another one.",
                operation="fields",
            )
        return Target(self.connector, self.goal.list_id, shape, fields)

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
        sent = send(target, batch)
        return Flown(batch, sent, self.recorder.taken())

    def keep_flying(self, target: Target) -> None:
        """Claim ahead, send and confirm at the same time, until nobody is due or it is time to stop."""
        concurrency = self.connector.spec.limits.concurrency
        with Crew(1) as readers, Crew(concurrency) as senders, Crew(CONFIRMERS) as confirmers:
            ahead: Future[Any] | None = readers.do(self.claim, target.shape)
            flying: set[Future[Any]] = set()
            landing: set[Future[Any]] = set()
            while ahead is not None or flying or landing:
                room = len(flying) <= concurrency and len(landing) <= CONFIRMERS
                waiting = {ahead} if ahead is not None and room else set()
                done, _ = wait(flying | landing | waiting, return_when=FIRST_COMPLETED)
                if ahead is not None and ahead in done:
                    batch = ahead.result()
                    if batch is not None:
                        flying.add(senders.do(self.fly, target, batch))
                    ahead = readers.do(self.claim, target.shape) if batch and self.may_go_on() else None
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
        confirm(self.goal, flight.batch, flight.sent.news)
        keep_calls(self.goal, flight.batch, flight.calls)
        trouble = flight.sent.trouble
        if trouble is not None:
            self.stop(flight.batch, trouble)
        elif not self.moved:
            self.moved = True
            health.note_success(self.goal)
            runs.mark_running(open_run_ids(self.goal))

    def give_back(self, batch: Batch, error: ConnectorError) -> None:
        """Nobody of the batch was sent: they stay due and used up no try."""
        news = [News(person, "retry", "stopped", str(error), counts=False) for person in batch.people]
        confirm(self.goal, batch, news)
        keep_calls(self.goal, batch, self.recorder.taken())
        self.stop(batch, error)

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


def keep_calls(goal: Goal, batch: Batch, exchanges: list[Exchange]) -> None:
    run_ids = batch.run_ids
    run_id = next(iter(run_ids)) if len(run_ids) == 1 else None
    Call.objects.bulk_create(
        Call(
            account_id=goal.account_id,
            connection_id=goal.connection_id,
            run_id=run_id,
            operation=exchange.operation,
            method=exchange.method,
            path=exchange.path[:500],
            status=exchange.status,
            duration_ms=exchange.duration_ms,
            people=len(batch.people),
            request=exchange.request_body,
            response=exchange.response_body,
            error=exchange.error[:300],
        )
        for exchange in exchanges
    )
