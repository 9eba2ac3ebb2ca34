"""django-q2's processes: the head that guards them runs here, in a process group of its own.

Differs from `manage.py qcluster` where that is known to hang or to leave orphans: no process stands above
the guard and waits for it; signals only set a flag; no process outlives its parent.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from functools import partial
from uuid import uuid4

from django.conf import settings
from django.db import connections
from django_q.cluster import Sentinel

from syncapp.work import beats, stopping

LOOK_S = 1.0


class StopOrOrphan(stopping.Flag):
    """Also set when the supervisor, our parent, is gone; it says who it is, for it may be gone already."""

    def __init__(self) -> None:
        super().__init__()
        self._supervisor = int(os.environ[stopping.SUPERVISOR])

    def is_set(self) -> bool:
        return stopping.asked() or os.getppid() != self._supervisor

    def wait(self, timeout_s: float) -> bool:
        stopping.flag.wait(timeout_s)
        return self.is_set()


def run() -> None:
    """Guard the processes until asked to stop; returns when their handlers have come back."""
    connections.close_all()
    sentinel = Sentinel(
        stop_event=StopOrOrphan(), start_event=stopping.Flag(), cluster_id=uuid4(), start=False
    )
    signal.signal(signal.SIGTERM, stopping.ask)  # after Sentinel's own; its children inherit ours
    os.register_at_fork(after_in_child=partial(end_with, os.getpid()))
    threading.Thread(target=end_without_supervisor, name="supervisor watch", daemon=True).start()
    beats.beat()  # up: what takes long is behind it
    sentinel.start()


def end_without_supervisor() -> None:
    """A stop may hang where a killed process held the queue's lock; what the supervisor would end, ends itself."""
    supervisor = int(os.environ[stopping.SUPERVISOR])
    while os.getppid() == supervisor:
        time.sleep(LOOK_S)
    time.sleep(settings.WORK_SLICE_S + settings.WORK_GRACE_S)
    os.killpg(os.getpid(), signal.SIGKILL)  # we lead the group


def end_with(parent: int) -> None:
    threading.Thread(target=_watch, args=[parent], name="parent watch", daemon=True).start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(LOOK_S)
    os._exit(1)  # the guard is dead: nobody would replace or stop this process; its lease runs out
