"""Signs of life from the processes that run handlers to the one that watches them.

The time of a file without a name, shared as an open handle: nothing to read, to fill up or to clean away.
"""

from __future__ import annotations

import os
import time

HANDLE = "SYNCAPP_BEAT_HANDLE"


def beat() -> None:
    handle = os.environ.get(HANDLE)
    if handle is not None:
        os.utime(int(handle))


def forget(handle: int) -> None:
    """Have `silent_s` wait for the first beat of the processes that are about to start."""
    os.utime(handle, (0, 0))


def silent_s(handle: int) -> float | None:
    """Seconds since the last beat; None before the first one."""
    beaten_at_s = os.fstat(handle).st_mtime
    return max(0.0, time.time() - beaten_at_s) if beaten_at_s > 0 else None
