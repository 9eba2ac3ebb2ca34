"""Whether this process was asked to stop. The flag is all that a signal does."""

from __future__ import annotations

import time

SUPERVISOR = "SYNCAPP_SUPERVISOR_PID"  # names the supervisor to the processes it starts


class Flag:
    """Looks like multiprocessing's Event, but may be set by a signal handler of the thread that waits for it.

    An Event then waits for ever for its own waiter; that is why django-q2's cluster hung on some stops.
    """

    STEP_S = 0.05

    def __init__(self) -> None:
        self._is_set = False

    def set(self) -> None:
        self._is_set = True

    def is_set(self) -> bool:
        return self._is_set

    def wait(self, timeout_s: float) -> bool:
        ends_at_s = time.monotonic() + timeout_s
        while not self._is_set and (left_s := ends_at_s - time.monotonic()) > 0:
            time.sleep(min(left_s, self.STEP_S))
        return self._is_set


flag = Flag()


def asked() -> bool:
    return flag.is_set()


def ask(*_signal: object) -> None:
    """Fit as a signal handler; forked children inherit it and note the signal each for itself."""
    flag.set()
