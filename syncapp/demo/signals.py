"""Ctrl-C, SIGTERM and a closed terminal: the first one stops the demo, a second one makes it hurry."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager

NUMBERS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stopped(BaseException):
    """Somebody asked us to stop. No Exception: nothing on the way may take it for an error of its own."""


class Signals:
    def __init__(self) -> None:
        self._count = 0
        self._raises = True

    def note(self, *_signal: object) -> None:
        self._count += 1
        if self._raises:
            self._raises = False
            raise Stopped

    def check(self) -> None:
        """Raises Stopped once asked to: what a signal raises is lost where Python ignores it, as in a destructor."""
        if self._count:
            self._raises = False
            raise Stopped

    def begin_stop(self) -> None:
        """From here on a signal interrupts nothing."""
        self._raises = False
        self._count = min(self._count, 1)

    def hurry(self) -> bool:
        return self._count > 1


@contextmanager
def caught() -> Iterator[Signals]:
    signals = Signals()
    before = {number: signal.signal(number, signals.note) for number in NUMBERS}
    try:
        yield signals
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
