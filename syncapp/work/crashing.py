"""Where tests let a worker die: named points in the code, armed from outside, one death each.

SYNCAPP_CRASH_AT names a folder. A file `<point>.<operation>` in it, like `after_answer.upsert`, lets the process
that comes by there die as from SIGKILL; the file goes first, so that whoever takes over passes. A number n in it
means the n-th time. Without the variable nothing is looked at.
"""

from __future__ import annotations

import os
from pathlib import Path

VARIABLE = "SYNCAPP_CRASH_AT"
KILLED = 137  # 128 + SIGKILL, as a shell tells it

_folder = os.environ.get(VARIABLE)


def reached(point: str, operation: str) -> None:
    """Points: before_request, after_send, after_answer, before_commit, after_commit, before_acknowledge."""
    if _folder:
        die_if_armed(Path(_folder) / f"{point}.{operation}")


def die_if_armed(file: Path) -> None:
    try:
        times = int(file.read_text() or "1")
        if times > 1:
            file.write_text(str(times - 1))
            return
        file.unlink()
    except FileNotFoundError:
        return
    os._exit(KILLED)
