"""What makes good what messages, processes and hosts lose: harmless when doubled."""

from __future__ import annotations

import logging
import os
from datetime import UTC, datetime
from uuid import UUID

from django.db import transaction

from syncapp.work import ledger, registry, tokens
from syncapp.work.models import Wakeup

logger = logging.getLogger("syncapp.work")

LOCK = 0x776F726B  # "work", as PostgreSQL's advisory lock

DUE = f"SELECT count(*) FROM work_wakeup row WHERE {ledger.CLAIMABLE} AND kind = ANY(%(kinds)s)"  # noqa: S608  made of constants only
# What a transaction holds cannot be claimed, so it proves nothing.
LEFT_LYING = f"""
SELECT 1 FROM work_wakeup row {ledger.BUSY}
WHERE {ledger.CLAIMABLE} AND {ledger.HAS_ROOM} AND kind = ANY(%(kinds)s)
    AND coalesce(lease_until, due_at) < statement_timestamp() - make_interval(secs => %(for_s)s)
LIMIT 1 FOR UPDATE OF row SKIP LOCKED
"""  # noqa: S608  made of constants only
# A shorter interval than the one the row was planned with counts at once.
SCHEDULE = """
INSERT INTO work_wakeup AS row (account_id, kind, key, due_at)
VALUES (NULL, %(kind)s, '', statement_timestamp() + make_interval(secs => %(wait_s)s))
ON CONFLICT (account_id, kind, key) DO UPDATE SET due_at = EXCLUDED.due_at
WHERE row.state = 'waiting' AND row.retry_at IS NULL AND row.due_at > EXCLUDED.due_at
RETURNING row.id
"""


def sweep() -> None:
    """Stop poison, and see that there are tokens while something is due. One sweeper at a time is enough."""
    with transaction.atomic():
        if not ledger.fetch("SELECT pg_try_advisory_xact_lock(%(lock)s)", {"lock": LOCK})[0][0]:
            return
        ledger.slow_down(registry.kinds(quarantine=False))
        for wakeup_id, kind in ledger.quarantine(registry.kinds(quarantine=True)):
            logger.error("Wake-up %d (%s) killed its worker time and again: stopped", wakeup_id, kind)
        missing = min(count_due(), tokens.MOST) - tokens.waiting()
        for _ in range(missing):
            tokens.push(0)


def keep_schedules() -> None:
    """Have a row for each of the system's jobs."""
    now = datetime.now(UTC)
    for kind, schedule in registry.schedules.items():
        ledger.fetch(SCHEDULE, {"kind": kind, "wait_s": schedule.wait_s(now)})


def free_the_dead(worker_id: UUID) -> int:
    """End the leases of this worker's processes that died. Returns how many handlers run in the others."""
    running = Wakeup.objects.filter(worker_id=worker_id, state=Wakeup.State.RUNNING)
    pids = [pid for pid in running.values_list("pid", flat=True) if pid is not None]
    dead = [pid for pid in pids if not is_alive(pid)]
    if dead:
        ledger.free(worker_id, dead)
    return len(pids) - len(dead)


def count_due() -> int:
    return int(ledger.fetch(DUE, {"kinds": list(registry.answers)})[0][0])


def is_work_left_lying(for_s: float) -> bool:
    """Whether something could have been claimed for so many seconds, and was not."""
    with transaction.atomic():
        return bool(ledger.fetch(LEFT_LYING, {"kinds": list(registry.answers), "for_s": for_s}))


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
