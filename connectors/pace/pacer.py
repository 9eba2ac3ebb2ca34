"""What a connector asks before each call. Permits are taken a few ahead, so that most calls ask no database."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from uuid import uuid4

from connectors.esp.errors import ConnectorError, RateLimited
from connectors.esp.http import Call
from connectors.esp.pace import Rate, rate_of
from connectors.pace import breaker, budget
from connectors.pace.away import AWAY, hang_up
from connectors.pace.breaker import Standing, Subject
from connectors.pace.budget import HOLD_S, PATIENCE_S, Account, Taken, this_process
from connectors.pace.lessons import busy, is_news, learn_from, out_of_credentials, slow_down

MOST_AHEAD = 64
AWAY_S = 1.0  # the database is soon back
NEVER = -math.inf
SLACK_S = 10.0  # beyond a call's own deadline, before another may try in its place
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Permit:
    """On the monotonic clock. Used later than `until`, more calls than allowed could meet at the ESP."""

    usable_at: float
    until: float


@dataclass(frozen=True, slots=True)
class Flight:
    """A call on its way."""

    left_at: float
    is_probe: bool


class Pacer:
    """The Pace of one execution with one authorization: several threads, one stock of permits.

    `close` gives back what was not used. When the database is away calls are held back; what it then misses of
    calls that were made is only what they taught.
    """

    def __init__(self, account: Account, subject: Subject) -> None:
        self._account = account
        self._subject = subject
        self._holder = this_process(uuid4().hex)
        self._turn = threading.Condition()
        self._mine = threading.local()
        self._stock: deque[Permit] = deque()
        self._expired = 0  # permits to give back
        self._want = 1
        self._slots = 0
        self._flying = 0
        self._waiting = 0
        self._asked_at = NEVER
        self._wait_ends_at = NEVER
        self._dead: list[str] = []
        self._standing = Standing()
        self._tell_after = 0
        self._worked = 0  # calls, since they were last told
        self._told: tuple[Rate | None, float] = (None, NEVER)

    def before(self, call: Call) -> None:
        permit = self._permit(call)
        try:
            is_probe = self._may_try(call)
        except BaseException:
            with self._turn:
                self._flying -= 1
                self._stock.appendleft(permit)
                self._turn.notify_all()
            raise
        time.sleep(max(0.0, permit.usable_at - time.monotonic()))
        self._mine.flight = Flight(time.monotonic(), is_probe)

    def after(self, status: int | None, headers: Mapping[str, str], error: ConnectorError | None, /) -> None:
        flight: Flight = self._mine.flight
        try:
            self._learn(flight, status, headers, error)
            self._note(flight, status, error)
        except AWAY:
            _log.warning("What a call taught was not written down: the database is away.", exc_info=True)
            hang_up()
        finally:
            with self._turn:
                self._flying -= 1
                self._turn.notify_all()

    def hindrance(self) -> ConnectorError | None:
        """Why no call can be made for longer than one would wait; None when one may. Locks and takes nothing."""
        standing = breaker.look(self._subject)
        if not standing.is_closed and standing.wait_s > 0:
            return breaker.obstacle(standing)
        blocked_s = budget.look(self._account).blocked_s
        return slow_down(blocked_s) if blocked_s > PATIENCE_S else None

    def close(self) -> None:
        """Give back permits and places, and tell what was not told yet."""
        with self._turn:
            if self._asked_at == NEVER:
                return
            try:
                if self._tell_after and self._worked:
                    breaker.note(self._subject, worked=self._worked, error=None, is_probe=False)
                back = self._expired + len(self._stock)
                budget.take(self._account, self._holder, want=0, wants=0, back=back)
            except AWAY:
                _log.warning("Permits were not given back: the database is away.")
                hang_up()
            self._stock.clear()
            self._asked_at = NEVER

    def _permit(self, call: Call) -> Permit:
        """A permit that can be used within PATIENCE_S. Raises RateLimited."""
        ends_at = time.monotonic() + PATIENCE_S
        with self._turn:
            self._waiting += 1
            try:
                while True:
                    now = time.monotonic()
                    self._drop_expired(now)
                    if self._is_to_ask(now):
                        self._ask(call, ends_at - now)
                        now = time.monotonic()
                    if self._stock and self._flying < self._slots:
                        self._flying += 1
                        return self._stock.popleft()
                    if not self._stock and self._wait_ends_at > ends_at:
                        raise slow_down(self._wait_ends_at - now, call.operation)
                    if now >= ends_at:
                        raise busy(self._slots, call.operation)
                    self._turn.wait(max(0.001, min(self._ask_again_at(), ends_at) - now))
            finally:
                self._waiting -= 1

    def _wanted_slots(self) -> int:
        return min(self._account.most, self._flying + self._waiting)

    def _is_to_ask(self, now: float) -> bool:
        if now >= self._asked_at + HOLD_S:
            return True
        is_short = not self._stock or self._slots < self._wanted_slots()
        return is_short and now >= self._wait_ends_at

    def _ask_again_at(self) -> float:
        soon = self._asked_at + HOLD_S
        return min(soon, self._wait_ends_at) if self._wait_ends_at > time.monotonic() else soon

    def _drop_expired(self, now: float) -> None:
        while self._stock and self._stock[0].until < now:
            self._stock.popleft()
            self._expired += 1

    def _ask(self, call: Call, patience_s: float) -> None:
        """Take as many permits as are used until the next time; give back those that were not."""
        if self._stock or self._expired:
            self._want = max(1, self._want - self._expired - len(self._stock))
        elif time.monotonic() < self._asked_at + HOLD_S:
            self._want = min(self._want * 2, MOST_AHEAD)
        back, self._expired = self._expired, 0
        try:
            taken = budget.take(
                self._account,
                self._holder,
                want=max(0, self._want - len(self._stock)),
                wants=self._wanted_slots(),
                back=back,
                flying=self._flying,
                dead=self._dead,
                patience_s=max(0.0, patience_s),
                asking=(self._subject.account_id, self._subject.authorization_id),
            )
        except AWAY as error:
            hang_up()
            words = "The budget of calls could not be asked."
            raise RateLimited(words, operation=call.operation, retry_after_s=AWAY_S) from error
        self._keep(taken)

    def _keep(self, taken: Taken) -> None:
        now = self._asked_at = time.monotonic()
        self._stock.extend(Permit(now + delay_s, now + delay_s + taken.hold_s) for delay_s in taken.delays_s)
        self._slots, self._dead = taken.slots, taken.dead
        self._wait_ends_at = now + taken.wait_s
        self._standing = taken.standing
        self._tell_after = taken.tell_after

    def _may_try(self, call: Call) -> bool:
        """Whether the call is a probe. Raises what stands in its way."""
        if self._standing.is_closed:
            return False
        if breaker.probe(self._subject, call.total_s + SLACK_S):
            return True
        self._standing = breaker.look(self._subject)
        error = breaker.obstacle(self._standing, call.operation)
        if error is not None:
            raise error
        return False

    def _learn(
        self, flight: Flight, status: int | None, headers: Mapping[str, str], error: ConnectorError | None
    ) -> None:
        now = time.monotonic()
        if isinstance(error, RateLimited) and status is not None:
            with self._turn:
                self._stock.clear()
                self._asked_at = min(self._asked_at, now - HOLD_S)
                learn_from(self._account, headers, now - flight.left_at)
        rate = rate_of(headers)
        if rate is not None and is_news(rate, self._told, now, self._account.most):
            self._told = (rate, now)
            budget.adopt(self._account, rate)

    def _note(self, flight: Flight, status: int | None, error: ConnectorError | None) -> None:
        if status is None and error is None:
            return  # this process is being ended: nobody knows
        if flight.is_probe:
            error = out_of_credentials(self._standing, error)
        failed = breaker.is_failure(error)
        with self._turn:
            self._worked += not failed
            if not (failed or flight.is_probe or 0 < self._tell_after <= self._worked):
                return
            worked, self._worked = self._worked, 0
        self._tell_after = breaker.note(self._subject, worked=worked, error=error, is_probe=flight.is_probe)
        if failed or flight.is_probe:
            self._standing = breaker.look(self._subject)
