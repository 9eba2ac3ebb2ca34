"""The worker's second hand: sweeps, keeps schedules, notices hangs, and tells the dashboard."""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
from collections.abc import Callable
from uuid import UUID

import redis
from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection
from django.utils import timezone

from syncapp.accounts import scope
from syncapp.work import beats, sweep
from syncapp.work.models import Worker

logger = logging.getLogger("syncapp.work")

STEP_S = 1.0
SCHEDULES_STEP_S = 5.0
START_S = 120.0  # to import everything on a busy host: replaced before that, processes would never come up


class Ticker:
    """A thread of the supervisor; a database that is away delays it, not the supervisor."""

    def __init__(self, worker_id: UUID, processes: int, beat_handle: int) -> None:
        self.restarts = 0
        self._worker = Worker(
            id=worker_id, host=socket.gethostname(), pid=os.getpid(), processes=processes, due=0, running=0
        )
        self._beat_handle = beat_handle
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="ticker", daemon=True)
        self._cluster_began_at_s = time.monotonic()
        self._schedules_kept_at_s: float | None = None
        self._hung = False

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._over.set()
        if self._thread.is_alive():
            self._thread.join(timeout=STEP_S)

    def cluster_begins(self) -> None:
        beats.forget(self._beat_handle)
        self._cluster_began_at_s = time.monotonic()
        self._hung = False

    def has_hung_cluster(self) -> bool:
        """Work lies there, no handler runs, no process gives a sign of life: django-q2's queue is locked by a
        process that died holding it."""
        return self._hung

    def _run(self) -> None:
        try:
            while not self._over.is_set():
                began_at_s = time.monotonic()
                self._attempt(self._tick)
                self._over.wait(max(0.0, began_at_s + STEP_S - time.monotonic()))
            self._attempt(self._say_goodbye)
        finally:
            connection.close()

    def _attempt(self, step: Callable[[], None]) -> None:
        try:
            with scope.everything("the sweep looks after every account's work"):
                step()
        except (DatabaseError, InterfaceError, redis.RedisError) as error:
            logger.warning("The sweep has to wait: %s", type(error).__name__)
            connection.close()

    def _tick(self) -> None:
        self._worker.running = sweep.free_the_dead(self._worker.id)
        if self._schedules_are_old():
            sweep.keep_schedules()
            self._schedules_kept_at_s = time.monotonic()
        sweep.sweep()
        self._report()
        self._hung = self._is_silent() and sweep.is_work_left_lying(settings.WORK_HANG_S)

    def _schedules_are_old(self) -> bool:
        kept_at_s = self._schedules_kept_at_s
        return kept_at_s is None or time.monotonic() > kept_at_s + SCHEDULES_STEP_S

    def _is_silent(self) -> bool:
        silent_s = beats.silent_s(self._beat_handle)
        most_s: float = settings.WORK_HANG_S
        if silent_s is None:
            silent_s, most_s = time.monotonic() - self._cluster_began_at_s, max(START_S, most_s)
        return self._worker.running == 0 and silent_s > most_s

    def _report(self) -> None:
        self._worker.last_seen_at = timezone.now()
        self._worker.due = sweep.count_due()
        self._worker.restarts = self.restarts
        known = Worker.objects.filter(pk=self._worker.pk).update(
            last_seen_at=self._worker.last_seen_at,
            due=self._worker.due,
            running=self._worker.running,
            restarts=self.restarts,
        )
        if not known:
            self._worker.started_at = self._worker.last_seen_at
            self._worker.save(force_insert=True)

    def _say_goodbye(self) -> None:
        sweep.free_the_dead(self._worker.id)
        Worker.objects.filter(pk=self._worker.pk).update(stopped_at=timezone.now(), running=0)
