"""The `worker` fixture, for every test that needs background work done for real."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from tests.work.process import WorkerProcess


@pytest.fixture
def worker(transactional_db: None) -> Iterator[Callable[..., WorkerProcess]]:
    """Starts `manage.py work` on the test's database: `worker()`, `worker(processes=1, SYNCAPP_LEASE_S="2")`.

    Commits are real in such a test, and the workers end with it.
    """
    with ExitStack() as stack:

        def start(**options: object) -> WorkerProcess:
            started = WorkerProcess(**options)  # type: ignore[arg-type]
            stack.callback(started.end)
            return started

        yield start
