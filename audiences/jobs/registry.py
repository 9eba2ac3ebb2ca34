"""Who carries out which kind of job. Modules that register are imported by `audiences.tasks`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from audiences.models import Job
from syncapp.work import Slice

Carrier = Callable[[Job, Slice], bool | float]
Hook = Callable[[Job], None]
Leftovers = Callable[[Job], Iterator[bytes]]
C = TypeVar("C", bound=Carrier)
H = TypeVar("H", bound=Hook)
L = TypeVar("L", bound=Leftovers)

carriers: dict[str, Carrier] = {}
over_hooks: dict[str, Hook] = {}
leftovers: dict[str, Leftovers] = {}


def carries_out(kind: str) -> Callable[[C], C]:
    """Register `fn(job, slice) -> bool`: True when the job is done, False to be called again, a number to be called
    again in so many seconds.

    It is called in the account's scope and outside any transaction, at least once, never twice at a time. What it
    did is to be in the same transaction as the job's books and `cursor`, for a worker may die at any moment. It
    looks at `cancel_asked(job)` between two steps. An exception is tried again; the fifth one ends the job as failed.
    """

    def register(function: C) -> C:
        _keep(carriers, kind, function)
        return function

    return register


def when_over(kind: str) -> Callable[[H], H]:
    """Register `fn(job)`, called in the transaction that ended the job, however it ended."""

    def register(function: H) -> H:
        _keep(over_hooks, kind, function)
        return function

    return register


def leaves(kind: str) -> Callable[[L], L]:
    """Register `fn(job) -> lines of JSON` of what a failed or cancelled job did not do.

    Kinds that register nothing leave the bodies of their parts that are not done.
    """

    def register(function: L) -> L:
        _keep(leftovers, kind, function)
        return function

    return register


def _keep(registry: dict[str, Any], kind: str, function: object) -> None:
    if registry.setdefault(kind, function) is not function:
        raise ValueError(f"Jobs of kind {kind} have such a function already.")
