"""A real `manage.py work` on the test's database."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from urllib.parse import quote

from django.conf import settings
from django.db import connection

from syncapp.accounts import scope
from syncapp.work.models import Wakeup

STOP_S = 20


def database_url() -> str:
    """The address of the database this test is connected to."""
    connection.ensure_connection()
    parts = {
        name: quote(str(connection.settings_dict[name]), safe="") for name in ("USER", "PASSWORD", "HOST")
    }
    port, name = connection.settings_dict["PORT"], connection.settings_dict["NAME"]
    return f"postgresql://{parts['USER']}:{parts['PASSWORD']}@{parts['HOST']}:{port}/{name}"


def wait_until(true: Callable[[], object], timeout_s: float = 15, what: str = "what was waited for") -> None:
    until_s = time.monotonic() + timeout_s
    while not true():
        if time.monotonic() > until_s:
            raise AssertionError(f"{what} did not come within {timeout_s} s; {wake_ups()}")
        time.sleep(0.02)


def wake_ups() -> list[tuple[object, ...]]:
    """What the tables say of the work there is: whose fault a wait is."""
    with scope.everything("a test that fails says why"):
        rows = Wakeup.objects.values_list(
            "kind", "key", "state", "attempts", "due_at", "retry_at", "error_class", "error_message"
        )
        return list(rows)


class WorkerProcess:
    """`manage.py work` with its children. `environment` overrides settings, e.g. SYNCAPP_LEASE_S.

    `prefix` comes before the command, to run it somewhere else.
    """

    def __init__(
        self,
        processes: int = 2,
        settings_module: str = "syncapp.settings",
        prefix: Sequence[str] = (),
        **environment: str,
    ) -> None:
        self.process = subprocess.Popen(
            [*prefix, sys.executable, "-m", "django", "work", "--workers", str(processes)],
            cwd=settings.BASE_DIR,
            env={
                **os.environ,
                "DATABASE_URL": database_url(),
                "DJANGO_SETTINGS_MODULE": settings_module,
                **environment,
            },
            start_new_session=True,
        )
        self._groups: set[int] = set()

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def head(self) -> int | None:
        """The process that guards django-q2's others; its id is their process group, too."""
        heads = [pid for pid, parent, _ in processes() if parent == self.pid]
        self._groups.update(heads)
        return heads[0] if heads else None

    def group(self) -> list[int]:
        """Ids of the live processes under the head, and it."""
        head = self.head
        return [pid for pid, _, group in processes() if group == head]

    def wait_until_up(self, size: int = 5) -> None:
        """`size`: the head, pusher, monitor and two that run handlers."""
        wait_until(lambda: len(self.group()) >= size, what="the worker")

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def wait(self, timeout_s: float = STOP_S) -> int:
        return self.process.wait(timeout_s)

    def end(self) -> None:
        """Leave nothing behind, whatever the test did."""
        _ = self.head
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        for group in self._groups:
            wait_or_kill(group)


def processes() -> list[tuple[int, int, int]]:
    """(id, parent's id, group) of every live process."""
    listing = subprocess.run(
        ["ps", "-A", "-o", "pid=,ppid=,pgid=,stat="], capture_output=True, text=True, check=True
    ).stdout
    rows = (line.split() for line in listing.splitlines())
    return [(int(pid), int(parent), int(group)) for pid, parent, group, stat in rows if "Z" not in stat]


def is_there(pid: int) -> bool:
    return pid in {found for found, _, _ in processes()}


def wait_or_kill(group: int) -> None:
    try:
        os.killpg(group, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return
    wait_until(
        lambda: group not in {found for _, _, found in processes()}, what="the end of the worker's processes"
    )
