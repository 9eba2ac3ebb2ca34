"""What a worker does with a token: claim what is due, call its handler, write down how it ended."""

from __future__ import annotations

import logging
import os
import random
import socket
import time
import traceback
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from uuid import UUID

from django.conf import settings
from django.db import InterfaceError, OperationalError, connection
from django_q.exceptions import TimeoutException

from syncapp.accounts import scope
from syncapp.work import backoff, beats, crashing, ledger, registry, stopping
from syncapp.work.heartbeat import Heartbeat
from syncapp.work.ledger import Claim, Holder
from syncapp.work.slices import Slice

logger = logging.getLogger("syncapp.work")

REMEMBERED_ACCOUNTS = 50
AWAY = (OperationalError, InterfaceError)

served: list[int] = []  # account ids of this process's last claims, the last one last


def run(wakeup_id: int) -> None:
    """The task of django-q2. The id is for whoever reads the queue: any due wake-up may be the one taken.

    A token is no order to run one row: taking the best due row keeps the order fair over accounts however
    messages come, and going on while anything is due heals lost messages at once.
    """
    until_s = time.monotonic() + settings.WORK_SLICE_S
    while not stopping.asked() and time.monotonic() < until_s:
        beats.beat()
        held = ledger.claim(this_process(), leases_s(), served)
        if held is None:
            return
        remember(held.account_id)
        answer(held)


def answer(held: Claim) -> None:
    """Call the handler for one slice."""
    slice_ = Slice(settings.WORK_SLICE_S)
    try:
        with Heartbeat(held, slice_), scope_of(held):
            again_s = registry.answers[held.kind].call(held.account_id, held.key, slice_)
    except TimeoutException as error:
        record_failure(held, error)
        raise  # django-q2 replaces this process
    except Exception as error:  # noqa: BLE001  whatever a handler raises ends as a row, and is tried again
        record_failure(held, error)
    else:
        crashing.reached("before_acknowledge", held.kind)
        record(held, lambda: ledger.finish(held) if again_s is None else ledger.put_back(held, again_s))


def record_failure(held: Claim, error: BaseException) -> None:
    """Class and place only: a message may quote a person's data or a secret."""
    error_class, place = name_of(type(error)), place_of(error)
    delay_s = backoff.delay_s(held.attempts, settings.WORK_RETRY_S)
    if isinstance(error, AWAY) and has_lost_connection():
        delay_s = random.uniform(0.5, 2)  # noqa: S311  not the handler's fault, and soon back
        connection.close()
    logger.warning(
        "%s %s failed with %s at %s; attempt %d, again in %.0f s",
        *(held.kind, held.key, error_class, place, held.attempts, delay_s),
    )
    record(held, lambda: ledger.fail(held, delay_s, error_class, place))


def record(held: Claim, end: Callable[[], bool]) -> None:
    """Write the end down, for as long as it is ours to write. Afterwards the sweep takes it from there."""
    until_s = time.monotonic() + held.lease_s
    while True:
        try:
            if not end():
                logger.warning("%s %s was taken over by another worker meanwhile", held.kind, held.key)
            return
        except AWAY:
            if time.monotonic() > until_s:
                raise
            connection.close()
            time.sleep(random.uniform(0.1, 0.4))  # noqa: S311  so that workers do not come back in step


def this_process() -> Holder:
    named = os.environ.get("SYNCAPP_WORKER_ID")
    return Holder(UUID(named) if named else None, socket.gethostname(), os.getpid())


def leases_s() -> dict[str, float]:
    """The kinds this code knows, with their leases. Others are left to workers of another version."""
    return {
        kind: float(min(known.lease_s, settings.WORK_LEASE_S)) for kind, known in registry.answers.items()
    }


def scope_of(held: Claim) -> AbstractContextManager[object]:
    return nullcontext() if held.account_id is None else scope.account(held.account_id)


def remember(account_id: int | None) -> None:
    if account_id is None:
        return
    if account_id in served:
        served.remove(account_id)
    served.append(account_id)
    del served[:-REMEMBERED_ACCOUNTS]


def has_lost_connection() -> bool:
    return connection.connection is None or not connection.is_usable()


def name_of(kind: type) -> str:
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def place_of(error: BaseException) -> str:
    """The innermost line of our own code, like "connectors/sync/planning/plan.py:88"."""
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        path = Path(frame.filename)
        if path.is_relative_to(settings.BASE_DIR) and "site-packages" not in path.parts:
            return f"{path.relative_to(settings.BASE_DIR)}:{frame.lineno}"
    return "outside this project"
