"""What the worker says of itself in the database, read without Django: the demo's process has another home."""

from __future__ import annotations

import time
from collections.abc import Callable

import psycopg

from syncapp.demo.children import Child
from syncapp.demo.steps import wait_for

SEEN = "SELECT due + running, last_seen_at FROM work_worker WHERE pid = %s AND stopped_at IS NULL"
IDLE_LOOKS = 2  # one look may fall between a handler's end and the next one's start


def wait_for_worker(dsn: str, worker: Child, timeout_s: float) -> None:
    """Until the worker has reported once."""
    with psycopg.connect(dsn, autocommit=True) as connection:

        def has_reported() -> bool:
            return connection.execute(SEEN, [worker.pid]).fetchone() is not None

        wait_for(worker, timeout_s, "Starting the worker", has_reported)


def wait_until_idle(dsn: str, worker: Child, timeout_s: float) -> None:
    """Until nothing is due and nothing runs: the first sync is through."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        wait_for(worker, timeout_s, "The first sync", idle_watch(connection, worker))


def idle_watch(connection: psycopg.Connection, worker: Child) -> Callable[[], bool]:
    idle_reports: set[object] = set()

    def is_idle() -> bool:
        row = connection.execute(SEEN, [worker.pid]).fetchone()
        if row is None or row[0]:
            idle_reports.clear()
        else:
            idle_reports.add(row[1])
        time.sleep(0.1)
        return len(idle_reports) >= IDLE_LOOKS

    return is_idle
