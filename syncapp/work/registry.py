"""Who answers which kind of wake-up. `tasks.py` of every installed app is imported at start and registers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, time
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from syncapp.work.slices import Slice
from syncapp.work.times import DailyAt, next_time

Handle = Callable[[Any, str, Slice], float | None]  # the account id is None for jobs of the system only
H = TypeVar("H", bound=Callable[..., Any])

LEASE_S = 30.0
SYSTEM = "system."  # begins the kinds that belong to no account


class AlreadyRegistered(ValueError):
    """Two functions want to answer the same kind of wake-up."""


@dataclass(frozen=True, slots=True)
class Answer:
    """`lease_s`: the worker's word counts that long; a dead worker's wake-up is free after it.

    `quarantine`: stopped after three dead workers in a row; else it goes on, ever more slowly.
    """

    kind: str
    lease_s: float
    call: Handle
    quarantine: bool = True


@dataclass(frozen=True, slots=True)
class Schedule:
    """A job of the system: `wait_s` says how long after now it is due next."""

    name: str
    wait_s: Callable[[datetime], float]

    @property
    def kind(self) -> str:
        return SYSTEM + self.name


answers: dict[str, Answer] = {}
schedules: dict[str, Schedule] = {}


def handler(kind: str, *, lease_s: float = LEASE_S, quarantine: bool = True) -> Callable[[H], H]:
    """Register `fn(account_id, key, slice) -> float | None` for wake-ups of this kind.

    It is called in the account's scope and outside any transaction, at least once per wake-up, never twice
    at a time. None means done; a number, look again in so many seconds (0: at once). An exception is tried
    again with growing waits. It has to be harmless when repeated: a worker may die after the effect.
    `lease_s` above the setting WORK_LEASE_S has no effect: a heartbeat renews leases, whatever their length.
    A handler that finds the poison among its rows by itself says `quarantine=False`: its wake-up is never stopped,
    only called ever more slowly while its workers die.
    """

    def register(function: H) -> H:
        add(Answer(kind, lease_s, function, quarantine))
        return function

    return register


def every(seconds: float, *, name: str) -> Callable[[H], H]:
    """Register `fn(slice) -> float | None` as a job of the system, due every so many seconds.

    Once at a time in the whole installation, outside any scope. A number returned means: not ready, go on
    in so many seconds. What was missed while no worker ran is done once. Dead workers never stop it for good.
    """
    return _scheduled(Schedule(name, lambda now: seconds))


def daily(at: str, *, name: str, zone: str = "UTC") -> Callable[[H], H]:
    """Like `every`, once a day at a wall-clock time, as in `@daily("03:10", name="prune")`."""
    spec, zone_info = DailyAt((time.fromisoformat(at),)), ZoneInfo(zone)
    return _scheduled(Schedule(name, lambda now: (next_time(spec, zone_info, now) - now).total_seconds()))


def _scheduled(schedule: Schedule) -> Callable[[H], H]:
    def register(function: H) -> H:
        def call(account_id: None, key: str, slice_: Slice) -> float:
            again_s: float | None = function(slice_)
            return schedule.wait_s(datetime.now(UTC)) if again_s is None else again_s

        add(Answer(schedule.kind, LEASE_S, call, quarantine=False))
        schedules[schedule.kind] = schedule
        return function

    return register


def kinds(*, quarantine: bool) -> list[str]:
    """Those that are stopped when their workers die (True), or those that never are."""
    return [kind for kind, known in answers.items() if known.quarantine is quarantine]


def add(answer: Answer) -> None:
    if answer.kind in answers:
        raise AlreadyRegistered(f"Wake-ups of kind {answer.kind} have a handler already.")
    answers[answer.kind] = answer
