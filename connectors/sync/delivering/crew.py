"""Threads for one delivery."""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Self, TypeVar

from django.db import connection

T = TypeVar("T")


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
