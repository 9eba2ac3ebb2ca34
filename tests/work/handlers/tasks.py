"""Handlers that behave as their kind says. Each writes into the diary."""

from __future__ import annotations

import os
import signal
import time

from syncapp.accounts import scope
from syncapp.work import Slice, every, handler
from tests.work import diary


@handler("test.note")
def note(account_id: int, key: str, slice_: Slice) -> None:
    in_scope = scope.required().only
    diary.write(account_id, "test.note", key, f"in account {in_scope}")


@handler("test.slow")
def slow(account_id: int, key: str, slice_: Slice) -> float | None:
    """Until a file named like the key appears beside the diary; comes back when its slice is over."""
    diary.write(account_id, "test.slow", key, "start")
    while not slice_.is_over():
        if (diary.path().parent / key).exists():
            diary.write(account_id, "test.slow", key, "done")
            return None
        time.sleep(0.02)
    diary.write(account_id, "test.slow", key, "slice over")
    return 0


@handler("test.short")
def short(account_id: int, key: str, slice_: Slice) -> None:
    diary.write(account_id, "test.short", key, "start")
    time.sleep(0.1)
    diary.write(account_id, "test.short", key, "end")


@handler("test.deaf")
def deaf(account_id: int, key: str, slice_: Slice) -> None:
    """Never looks at its slice."""
    diary.write(account_id, "test.deaf", key, "start")
    time.sleep(60)


@handler("test.poison")
def poison(account_id: int, key: str, slice_: Slice) -> None:
    diary.write(account_id, "test.poison", key, "start")
    os.kill(os.getpid(), signal.SIGKILL)


@handler("test.tough", quarantine=False)
def tough(account_id: int, key: str, slice_: Slice) -> None:
    """Poison until a file named like the key appears beside the diary."""
    diary.write(account_id, "test.tough", key, "start")
    if not (diary.path().parent / key).exists():
        os.kill(os.getpid(), signal.SIGKILL)


@handler("test.fail")
def fail(account_id: int, key: str, slice_: Slice) -> None:
    diary.write(account_id, "test.fail", key, "start")
    raise ValueError("eve@example.com")


@every(1, name="test.second")
def second(slice_: Slice) -> None:
    diary.write(None, "test.second", "-", "tick")
