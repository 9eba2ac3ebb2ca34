"""A demo as a person starts it: a process of its own, with a home of its own."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
NOT_OURS = ("DATABASE_URL", "DATABASE_OWNER_URL", "REDIS_URL", "SYNCAPP_ESP_URLS")
END_TIMEOUT_S = 20.0


def command(*options: str) -> list[str]:
    return [sys.executable, "manage.py", "demo", *options]


def environment(home: Path, **changes: str) -> dict[str, str]:
    ours = {name: value for name, value in os.environ.items() if name not in NOT_OURS}
    return {
        **ours,
        "SYNCAPP_HOME": str(home),
        "PYTHONPATH": str(CHECKOUT),
        "PYTHONUNBUFFERED": "1",
        **changes,
    }


class Started:
    """A running demo and what it has said so far."""

    def __init__(self, home: Path, *options: str) -> None:
        self.process = subprocess.Popen(
            command(*options),
            cwd=CHECKOUT,
            env=environment(home),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self.lines: list[str] = []
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as output:
            self.lines.extend(iter(output.readline, ""))

    @property
    def said(self) -> str:
        return "".join(self.lines)

    def wait_for(self, words: str, timeout_s: float = 90.0) -> None:
        deadline = time.monotonic() + timeout_s
        while words not in self.said:
            assert self.process.poll() is None, self.said
            assert time.monotonic() < deadline, self.said
            time.sleep(0.05)

    def found(self, pattern: str) -> str:
        match = re.search(pattern, self.said)
        assert match is not None, self.said
        return match[1]

    def end(self, number: int = signal.SIGINT) -> int:
        """Send the signal and wait; the exit code."""
        self.process.send_signal(number)
        exit_code = self.process.wait(END_TIMEOUT_S)
        self._reader.join()
        return exit_code


@contextmanager
def demo(home: Path, *options: str) -> Iterator[Started]:
    """A demo that says it is ready; ended here where the test did not."""
    running = Started(home, *options)
    try:
        yield running
    finally:
        if running.process.poll() is None:
            running.end(signal.SIGTERM)


def processes_of(home: Path) -> Mapping[int, str]:
    """{process id: command} of everything that works on this home, PostgreSQL too."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            title = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            started_with = (folder / "environ").read_bytes().split(b"\0")
        except OSError:
            continue  # gone meanwhile, or another user's
        if title and (str(home) in title or f"SYNCAPP_HOME={home}".encode() in started_with):
            found[int(folder.name)] = title
    return found


def wait_until_gone(home: Path, timeout_s: float = 15.0) -> None:
    deadline = time.monotonic() + timeout_s
    while left := {pid: title for pid, title in processes_of(home).items() if "postgres" not in title}:
        assert time.monotonic() < deadline, left
        time.sleep(0.1)
