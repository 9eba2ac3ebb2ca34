"""`manage.py work`: keeps django-q2's processes alive and healthy, and ends them when asked."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import subprocess
import sys
import tempfile
import time
from uuid import UUID, uuid4

from django.conf import settings

from syncapp.work import beats, stopping
from syncapp.work.ticker import Ticker

logger = logging.getLogger("syncapp.work")

STEP_S = 0.1
PAUSE_S = 2.0  # before what ended by itself is started again
STOPS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class Supervisor:
    """One `manage.py work`. The main thread looks after processes, the ticker's thread after the database."""

    def __init__(self, processes: int) -> None:
        self._processes = processes
        self._id: UUID = uuid4()
        self._signals = 0
        self._beats = tempfile.TemporaryFile()  # noqa: SIM115  open as long as the process lives
        self._cluster: subprocess.Popen[bytes] | None = None
        self._ticker = Ticker(self._id, processes, self._beats.fileno())

    def run(self) -> None:
        """Until SIGTERM, SIGINT or SIGHUP: then handlers get their slice to return; a second one ends all."""
        for number in STOPS:
            signal.signal(number, self._note)
        try:
            self._start()
            self._ticker.start()
            while self._signals == 0:
                self._look_after()
                time.sleep(STEP_S)
            self._stop()
        finally:
            self._kill()
            self._ticker.stop()

    def _note(self, *_signal: object) -> None:
        self._signals += 1

    def _start(self) -> None:
        self._ticker.cluster_begins()
        environment = {
            **os.environ,
            "SYNCAPP_WORKERS": str(self._processes),
            "SYNCAPP_WORKER_ID": str(self._id),
            stopping.SUPERVISOR: str(os.getpid()),
            beats.HANDLE: str(self._beats.fileno()),
        }
        self._cluster = subprocess.Popen(
            [sys.executable, "-m", "django", "work", "--cluster"],
            cwd=settings.BASE_DIR,
            env=environment,
            stdin=subprocess.DEVNULL,
            pass_fds=[self._beats.fileno()],
            start_new_session=True,  # signals to our group, as from a terminal, must not reach its processes
        )

    def _look_after(self) -> None:
        cluster = self._cluster
        if cluster is None or cluster.poll() is not None:
            logger.error(
                "The head of the worker processes ended with %s; starting anew",
                cluster and cluster.returncode,
            )
            self._restart(PAUSE_S)
        elif self._ticker.has_hung_cluster():
            logger.error("Work is due, but no process takes it; starting anew")
            self._restart(0)

    def _restart(self, pause_s: float) -> None:
        self._kill()
        self._ticker.restarts += 1
        until_s = time.monotonic() + pause_s
        while self._signals == 0 and time.monotonic() < until_s:
            time.sleep(STEP_S)
        self._start()

    def _stop(self) -> None:
        self._signal_group(signal.SIGTERM)
        until_s = time.monotonic() + settings.WORK_SLICE_S + settings.WORK_GRACE_S
        while self._signals == 1 and time.monotonic() < until_s and self._is_running():
            time.sleep(STEP_S)

    def _is_running(self) -> bool:
        return self._cluster is not None and self._cluster.poll() is None

    def _kill(self) -> None:
        """End what is left of the group: without its head nothing in it can be stopped or replaced."""
        self._signal_group(signal.SIGKILL)
        if self._cluster is not None:
            self._cluster.wait()

    def _signal_group(self, number: signal.Signals) -> None:
        if self._cluster is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._cluster.pid, number)
