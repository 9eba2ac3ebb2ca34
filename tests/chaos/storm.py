"""Kills workers and restarts PostgreSQL at random moments, and starts anew what a host would start anew."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Sequence

from tests.chaos.stage import restart_postgres
from tests.work.process import WorkerProcess

PAUSE_S = (0.2, 2.5)
# Who is hit: one of the processes under the head, the head, the supervisor above it, or all of them at once.
TARGETS = ("child",) * 5 + ("head",) * 2 + ("supervisor",) * 2 + ("all",) * 2


class Storm:
    def __init__(self, hosts: int, seed: int) -> None:
        self.kills: Counter[str] = Counter()
        self.restarts: Counter[str] = Counter()
        self._chance = random.Random(seed)
        self._workers = [start_worker() for _ in range(hosts)]
        self._killed: list[WorkerProcess] = []

    def rage(self, kills: int, restarts: int) -> None:
        """So many of both, in random order."""
        events = ["kill"] * kills + ["restart"] * restarts
        self._chance.shuffle(events)
        for event in events:
            time.sleep(self._chance.uniform(*PAUSE_S))
            if event == "restart":
                mode = ("immediate", "fast")[self.restarts.total() % 2]
                restart_postgres(mode)
                self.restarts[mode] += 1
            else:
                self._kill_somebody()
            self.revive()

    def _kill_somebody(self) -> None:
        """Only a process that was alive counts."""
        while True:
            worker = self._chance.choice(self._workers)
            target = self._chance.choice(TARGETS)
            if sum([kill(pid) for pid in self._victims(worker, target)]):
                self.kills[target] += 1
                return
            time.sleep(0.1)
            self.revive()

    def _victims(self, worker: WorkerProcess, target: str) -> list[int]:
        head, group = worker.head, worker.group()
        under = [pid for pid in group if pid != head]
        if target == "child":
            return [self._chance.choice(under)] if under else []
        if target == "head":
            return [head] if head is not None else []
        return [worker.pid] if target == "supervisor" else [worker.pid, *group]

    def revive(self) -> None:
        """What systemd does: a supervisor that died is started again."""
        for number, worker in enumerate(self._workers):
            if worker.process.poll() is not None:
                self._killed.append(worker)
                self._workers[number] = start_worker()

    def end(self) -> None:
        for worker in (*self._workers, *self._killed):
            worker.end()


def start_worker(processes: int = 2, prefix: Sequence[str] = (), **environment: str) -> WorkerProcess:
    return WorkerProcess(processes, "tests.chaos.settings", prefix, **environment)


def kill(pid: int) -> bool:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
        return True
    return False
