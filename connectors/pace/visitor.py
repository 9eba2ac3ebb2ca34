"""The pace of questions that people at pages wait for: a small reserve, and no database in the asking thread."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from functools import partial

from django.db import connection, transaction

from connectors.esp.errors import ConnectorError, RateLimited
from connectors.esp.http import Call
from connectors.esp.pace import rate_of
from connectors.pace import breaker, budget
from connectors.pace.breaker import Standing, Subject
from connectors.pace.budget import PATIENCE_S, Account, this_process
from connectors.pace.lessons import learn_from, slow_down

CHECK = "check_credentials"  # people ask whether the credentials work: the breaker is told, not asked


class Visitor:
    """Looks before the question and writes down after it; both in the caller's thread, which may hold a transaction.

    Between `open` and `settle` any thread may call.
    """

    def __init__(self, account: Account, subject: Subject) -> None:
        self._account = account
        self._subject = subject
        self._lock = threading.Lock()
        self._standing = Standing()
        self._wait_s = 0.0
        self._answers: list[tuple[Call, Mapping[str, str], ConnectorError | None]] = []
        self._mine = threading.local()

    def open(self) -> None:
        self._standing = breaker.look(self._subject)
        seen = budget.look(self._account)
        self._wait_s = seen.blocked_s
        if seen.spare is not None and seen.spare < 1 and seen.per_s:
            self._wait_s = max(seen.blocked_s, (1 - seen.spare) / seen.per_s)

    def before(self, call: Call) -> None:
        error = breaker.obstacle(self._standing, call.operation)
        if error is not None and call.operation != CHECK:
            raise error
        if self._wait_s > PATIENCE_S:
            raise slow_down(self._wait_s, call.operation)
        time.sleep(self._wait_s)
        self._mine.call = call

    def after(self, status: int | None, headers: Mapping[str, str], error: ConnectorError | None, /) -> None:
        with self._lock:
            self._answers.append((self._mine.call, headers, error))

    def close(self) -> None:
        """Nothing is kept open."""

    def settle(self) -> None:
        """Write down what was asked so far, once the caller's transaction is over."""
        with self._lock:
            answers, self._answers = self._answers, []
        if not answers:
            return
        write = partial(self._write, answers)
        if connection.in_atomic_block:
            transaction.on_commit(write)
        else:
            write()

    def _write(self, answers: list[tuple[Call, Mapping[str, str], ConnectorError | None]]) -> None:
        budget.take(self._account, this_process("visitor"), want=0, wants=0, charged=len(answers))
        for call, headers, error in answers:
            if isinstance(error, RateLimited):
                learn_from(self._account, headers, 0)
            rate = rate_of(headers)
            if rate is not None:
                budget.adopt(self._account, rate)
            failed = breaker.is_failure(error)
            breaker.note(self._subject, worked=int(not failed), error=error, is_probe=call.operation == CHECK)
