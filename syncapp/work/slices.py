"""The share of time a handler gets before it must come back."""

from __future__ import annotations

import time

from syncapp.work import stopping

LENGTH_S = 45.0


class Slice:
    """Ask `is_over()` between two steps, and leave when it is: the engine calls again."""

    def __init__(self, length_s: float = LENGTH_S) -> None:
        self._ends_at_s = time.monotonic() + length_s
        self._lost = False

    def left_s(self) -> float:
        """Seconds left; 0 when the slice is over for whatever reason."""
        if self._lost or stopping.asked():
            return 0.0
        return max(0.0, self._ends_at_s - time.monotonic())

    def is_over(self) -> bool:
        """True when the time is up, the worker is to stop, or the lease went to another worker."""
        return self.left_s() <= 0

    def is_stopping(self) -> bool:
        return stopping.asked()

    def is_lost(self) -> bool:
        """The lease ran out: another worker may be at it, and what is found now counts no more."""
        return self._lost

    def lose(self) -> None:
        self._lost = True
