"""Crash points: a worker dies at each named point of each operation; whoever takes over ends with one effect.

Every operation has an account of its own, so that all operations go through one point at the same time. A cell is
one point of one operation: three people go through it, the worker dies once (the file that armed it is gone), and
then nothing is left to do and the list, the effects and the books are as they should be.
"""

from __future__ import annotations

import json
import os
import random
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from django.db import connection

from connectors.simulators import Running, start
from syncapp.work import crashing
from tests.chaos import kill
from tests.chaos.oracle import Person
from tests.chaos.quiet import left_to_do, let_time_pass
from tests.chaos.scene import API_KEY, Client, make_client, patiently
from tests.chaos.storm import start_worker
from tests.chaos.traffic import move, withdraw

POINTS = (
    "before_request",
    "after_send",
    "after_answer",
    "before_commit",
    "after_commit",
    "before_acknowledge",
)
COMMITS = ("before_commit", "after_commit", "before_acknowledge")
PEOPLE_PER_CELL = 3
PATIENCE_S = 40
WORKERS = 4
NEWS = frozenset({"news"})


@dataclass(frozen=True)
class Operation:
    """`sent` is the engine's word at the points, `verb` the ESP library's, `kind` that of the wake-up.

    `prepare` brings people to where `act` makes the operation due. `at`: the call of the verb that is crashed.
    """

    name: str
    leavers: str
    act: Callable[[Client, Sequence[Person]], None]
    prepare: Sequence[Callable[[Client, Sequence[Person]], None]] = ()
    sent: str = ""
    verb: str = ""
    kind: str = "connectors.deliver"
    points: Sequence[str] = POINTS

    def trap(self, point: str) -> str:
        """The name of the file that arms the point."""
        if point == "before_acknowledge":
            return f"{point}.{self.kind}"
        return f"{point}.{(self.verb if point == 'after_send' else self.sent) or self.name}"


def join(client: Client, people: Sequence[Person]) -> None:
    client.join(people, "news", random.Random(people[0].number))


def leave(client: Client, people: Sequence[Person]) -> None:
    client.leave(people, "news")


def take_back_consent(client: Client, people: Sequence[Person]) -> None:
    client.tell(people, partial(withdraw, client, random.Random(0)))


def change_address(client: Client, people: Sequence[Person]) -> None:
    client.tell(people, partial(move, client, random.Random(0)))


def run_fully(client: Client, people: Sequence[Person]) -> None:
    client.run_fully(client.goals[0])


OPERATIONS = (
    Operation("upsert", "keep", join),
    Operation("rename", "keep", change_address, [join], sent="upsert", verb="rename"),
    Operation("unsubscribe", "keep", take_back_consent, [join]),
    Operation("remove", "remove", leave, [join]),
    Operation("clear", "clear", leave, [join], verb="upsert"),
    # Removed, not unsubscribed: who was unsubscribed by a call whose answer another lane's death lost stays off.
    Operation("restore", "remove", join, [join, leave], verb="upsert"),
    Operation("plan", "keep", join, kind="connectors.plan", points=COMMITS),
    Operation("run", "keep", run_fully, [join], kind="connectors.run", points=COMMITS),
)


@dataclass
class Lane:
    """One operation's account, and how its cells ended."""

    operation: Operation
    client: Client
    traps: Path
    cells: dict[str, str] = field(default_factory=dict)
    used: int = 0

    def cross(self, point: str) -> None:
        """Through one point, with people of its own."""
        people = self.client.people[self.used : self.used + PEOPLE_PER_CELL]
        self.used += PEOPLE_PER_CELL
        trap = self.traps / self.operation.trap(point)
        try:
            for step in self.operation.prepare:
                step(self.client, people)
                self.settle()
            trap.touch()
            self.operation.act(self.client, people)
            left = self.settle(trap)
            died = not trap.exists()
        finally:
            trap.unlink(missing_ok=True)
            connection.close()
        self.cells[point] = "" if died and not left else f"left {left}" if left else "nobody died"

    def settle(self, trap: Path | None = None) -> dict[str, int]:
        """Until nothing is left to do for the account and, where there is a trap, somebody fell into it."""
        until_s = time.monotonic() + PATIENCE_S
        while time.monotonic() < until_s:
            left = patiently(lambda: left_to_do(self.client.account))
            if not left and (trap is None or not trap.exists()):
                return {}
            patiently(let_time_pass)
            time.sleep(0.1)
        return left


def run(only: Sequence[str] = ()) -> dict[str, Any]:
    began_s = time.monotonic()
    traps = Path(os.environ[crashing.VARIABLE])
    operations = [operation for operation in OPERATIONS if not only or operation.name in only]
    with start("campaign_monitor", api_key=API_KEY, demo_data=False) as simulator:
        lanes = [make_lane(operation, simulator, traps) for operation in operations]
        worker = start_worker(processes=WORKERS)
        try:
            for lane in lanes:
                lane.client.run_fully(lane.client.goals[0])
                lane.settle()
            for point in POINTS:
                cross_all([lane for lane in lanes if point in lane.operation.points], point)
        finally:
            worker.end()
        clients = [lane.client for lane in lanes]
        verdict = kill.judge(clients, simulator)
    failed = [f"{point} × {lane.operation.name}: {why}" for lane, point, why in cells(lanes) if why]
    return {
        "cells": sum(len(lane.cells) for lane in lanes),
        "converged": sum(len(lane.cells) for lane in lanes) - len(failed),
        "failed": failed,
        "lost": len(verdict.lost),
        "kept_off": len(verdict.kept_off),
        "doubled": len(verdict.doubled),
        "differing": len(verdict.differing),
        "stuck": sum(left_to_do().values()),
        "conservation": kill.conservation(clients),
        "seconds": round(time.monotonic() - began_s, 1),
    }


def make_lane(operation: Operation, simulator: Running, traps: Path) -> Lane:
    people = PEOPLE_PER_CELL * len(operation.points)
    client = make_client(operation.name, simulator, people, [("News", NEWS, operation.leavers)])
    return Lane(operation, client, traps)


def cross_all(lanes: Sequence[Lane], point: str) -> None:
    """All at once; where operations share a trap, one after the other."""
    groups: dict[str, list[Lane]] = {}
    for lane in lanes:
        groups.setdefault(lane.operation.trap(point), []).append(lane)
    with ThreadPoolExecutor(len(groups)) as pool:
        list(pool.map(lambda group: [lane.cross(point) for lane in group], groups.values()))


def cells(lanes: Sequence[Lane]) -> Iterator[tuple[Lane, str, str]]:
    for lane in lanes:
        for point, why in lane.cells.items():
            yield lane, point, why


def report(figures: dict[str, Any]) -> int:
    sys.stdout.write(json.dumps(figures) + "\n")
    return 1 if figures["failed"] or not kill.is_clean(figures) else 0
