"""Child processes: each in a session of its own, its output in a file, and never outliving us."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
TAIL_LINES = 20
STEP_S = 0.05
SET_PARENT_DEATH_SIGNAL = 1  # linux/prctl.h


class Child:
    """A started command. Its process group has its own number, so that Ctrl-C reaches us alone."""

    def __init__(self, name: str, command: Sequence[str], environment: Mapping[str, str], logs: Path) -> None:
        self.name = name
        self.log = logs / f"{name}.log"
        with self.log.open("wb") as output:
            self._process = subprocess.Popen(
                command,
                cwd=CHECKOUT,
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=_end_with_parent(),  # no thread runs here that could hold a lock
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """None while it runs. Its number stays its own until `end_group`, for it is not reaped before."""
        if self._process.returncode is not None:
            return self._process.returncode
        ended = os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        if ended is None:
            return None
        return ended.si_status if ended.si_code == os.CLD_EXITED else -ended.si_status

    def ask_to_stop(self) -> None:
        if self.exit_code is None:
            self._process.terminate()

    def end_group(self) -> None:
        """Kill whatever of its process group is left, then reap it."""
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def has_announced(self) -> bool:
        """Whether its output begins with a line of JSON; an error's words are none."""
        return self.first_line().startswith(b"{")

    def first_line(self) -> bytes:
        """The first whole line of its output; empty while there is none."""
        head, newline, _ = self.log.read_bytes().partition(b"\n")
        return head if newline else b""

    def tail(self) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-TAIL_LINES:])


def stop_all(
    children: Sequence[Child], timeout_s: float, hurry: Callable[[], bool] = lambda: False
) -> list[str]:
    """Ask all to stop, wait, and kill what does not. Returns the names of those that had to be killed."""
    running = [child for child in children if child.exit_code is None]
    for child in running:
        child.ask_to_stop()
    deadline = time.monotonic() + timeout_s
    while any(child.exit_code is None for child in running) and time.monotonic() < deadline and not hurry():
        time.sleep(STEP_S)
    killed = [child.name for child in running if child.exit_code is None]
    for child in children:
        child.end_group()
    return killed


def _end_with_parent() -> Callable[[], None] | None:
    """What a child does before its command begins: have the kernel send SIGTERM when this process dies."""
    if sys.platform != "linux":
        return None
    prctl, parent = ctypes.CDLL(None, use_errno=True).prctl, os.getpid()

    def prepare() -> None:
        prctl(SET_PARENT_DEATH_SIGNAL, signal.SIGTERM)
        if os.getppid() != parent:  # died between fork and here
            os.kill(os.getpid(), signal.SIGTERM)

    return prepare
