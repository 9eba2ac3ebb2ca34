"""The worker's end of a session: check it, write what is said of people, and swap.

The audience is held from the look at it to the end of the swap, over two transactions: the first resolves the items
and asks the guards, the second writes. In between the session says `applying`, and cannot be taken back any more.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from audiences import happenings, jobs
from audiences.ingest import locks, pending
from audiences.ingest.history import day_of
from audiences.ingest.sheet import SOURCE_CHARS
from audiences.models import Audience, Job, SyncSession, push_settings
from audiences.syncs import alerts, committing, sessions
from audiences.syncs.contacts import write_contacts
from audiences.syncs.guards import APPROVAL, to_guard, tripped_by
from audiences.syncs.resolving import DROP, Resolved, resolve
from audiences.syncs.swapping import Swapped, keep_errors, swap
from syncapp.work import Slice, crashing

State = SyncSession.State
POINT = "sync"  # of tests that let a worker die

LOCK = f"""
SELECT pg_advisory_lock_shared({locks.PEOPLE}),
    {locks.AUDIENCE.format(id="%(audience)s::bigint").replace("_xact", "")}
"""
UNLOCK = LOCK.replace("pg_advisory_lock", "pg_advisory_unlock")


@jobs.carries_out(Job.Kind.AUDIENCE_REPLACE)
@jobs.carries_out(Job.Kind.AUDIENCE_DELTA)
def carry(job: Job, slice_: Slice) -> bool:
    """True when the session is over or stopped; the job has ended then."""
    session = SyncSession.objects.of(job.account_id).select_related("audience").get(pk=job.params["sync"])
    if session.job_id != job.pk or session.state not in committing.IN_HAND:
        return True
    if session.audience.deleted_at is not None:
        jobs.finish(job, state=Job.State.FAILED, reason="The audience was deleted.")
        return True
    if job.cursor.get("phase") == "contacts":
        if session.state == State.READY and not begin_applying(session, job):
            return True
        if not write_contacts(session, job, slice_):
            return False
        jobs.advance(job, cursor={**job.cursor, "phase": "swap"})
    return check_and_swap(session, job, slice_)


def check_and_swap(session: SyncSession, job: Job, slice_: Slice) -> bool:
    with holding(session) as params:
        params["job"] = job.pk
        params["creates"] = session.unknown_contacts == "create" and job.cursor.get("phase") != "swap"
        with transaction.atomic(), connection.cursor() as cursor:
            found = resolve(cursor, session, params)
            tripped = tripped_guards(session, found)
            if tripped:
                block(cursor, session, job, found, params, tripped)
                return True
            if found.creatable > 0 or (found.with_data > 0 and job.cursor.get("phase") != "swap"):
                make_ready(session, job)
                return False
        if slice_.is_lost():
            return False
        if not begin_applying(session, job):
            return True
        flip(session, job, found, params)
    crashing.reached("after_commit", POINT)
    return True


@contextmanager
def holding(session: SyncSession) -> Iterator[dict[str, Any]]:
    """Nobody else changes the audience's members, and no person goes, until the end of the block."""
    params: dict[str, Any] = {
        "account": session.account_id,
        "audience": session.audience_id,
        "session": session.pk,
    }
    with connection.cursor() as cursor:
        cursor.execute(LOCK, params)
        try:
            yield to_params(session, params)
        finally:
            if not connection.needs_rollback and connection.is_usable():
                cursor.execute(UNLOCK, params)
                cursor.execute(DROP)


def to_params(session: SyncSession, params: dict[str, Any]) -> dict[str, Any]:
    """After the wait for the locks: the floor and the time are those of now."""
    audience = Audience.objects.of(session.account_id).get(pk=session.audience_id)
    source = session.job.params["source"] if session.job is not None else "api"
    now = timezone.now()
    return {
        **params,
        "snapshot": session.snapshot_at,
        "floor": audience.replaced_at,
        "now": now,
        "day": day_of(now),
        "expires_at": pending.expiry(now),
        "source": source[:SOURCE_CHARS],
        "holds": session.unknown_contacts == Audience.Unknown.HOLD,
        "leaves_traces": session.unknown_contacts != Audience.Unknown.REJECT,
    }


def tripped_guards(session: SyncSession, found: Resolved) -> list[str]:
    """None where somebody confirmed this content."""
    if session.confirmed_at is not None:
        return []
    requires_approval = push_settings(session.account_id).requires_approval
    return tripped_by(session.mode, session.guards, found.figures, requires_approval)


def block(
    cursor: Any, session: SyncSession, job: Job, found: Resolved, params: dict[str, Any], tripped: list[str]
) -> None:
    """Stop, and say why; the job ends as failed, and a confirmation begins another."""
    Job.objects.of(job.account_id).select_for_update().get(pk=job.pk)
    locked = sessions.lock(session.account_id, session.pk)
    if locked.state not in committing.IN_HAND or locked.job_id != job.pk:
        return
    locked.state = State.BLOCKED
    locked.guard = to_guard(tripped, locked.guards, found.figures)
    locked.expires_at = timezone.now() + (sessions.APPROVAL_FOR if APPROVAL in tripped else sessions.OPEN_FOR)
    locked.counters = to_counters(locked, found, job)
    committing.give_token(locked)
    locked.save(update_fields=["state", "guard", "expires_at", "counters", "confirm_sha256"])
    write_errors(cursor, locked, job, found, params)
    words = f"Stopped by a guard: {', '.join(tripped)}. {committing.way_on(locked)}"
    jobs.finish(
        job, state=Job.State.FAILED, reason=words, result={"guard": locked.guard, "link": link_to(locked)}
    )
    alerts.tell_blocked(locked)
    happenings.sync_blocked(locked)


def make_ready(session: SyncSession, job: Job) -> None:
    """The guards let it pass; what is said of people comes first, in slices."""
    mine = SyncSession.objects.of(session.account_id).filter(pk=session.pk, job_id=job.pk)
    mine.filter(state=State.VALIDATING).update(state=State.READY)
    jobs.advance(job, cursor={**job.cursor, "phase": "contacts"})


@transaction.atomic
def begin_applying(session: SyncSession, job: Job) -> bool:
    """From here on it is not taken back. False where it was, a moment ago."""
    if jobs.cancel_asked(job):
        jobs.finish(job, state=Job.State.CANCELLED, reason="Cancelled by a call.")
        return False
    mine = SyncSession.objects.of(session.account_id).filter(pk=session.pk, job_id=job.pk)
    return bool(mine.filter(state__in=committing.IN_HAND).update(state=State.APPLYING))


@transaction.atomic
def flip(session: SyncSession, job: Job, found: Resolved, params: dict[str, Any]) -> None:
    """Everything at once, with the books."""
    Job.objects.of(job.account_id).select_for_update().get(pk=job.pk)
    locked = sessions.lock(session.account_id, session.pk)
    if locked.state != State.APPLYING or locked.job_id != job.pk:
        return
    with connection.cursor() as cursor:
        swapped = swap(cursor, locked, found, params)
        write_errors(cursor, locked, job, found, params)
    crashing.reached("before_commit", POINT)
    locked.counters = to_counters(locked, found, job)
    locked.guard = None
    has_failed = found.failed > 0
    sessions.end(locked, State.COMPLETED_WITH_ERRORS if has_failed else State.COMPLETED, "")
    locked.save(update_fields=["counters", "guard"])
    job.refresh_from_db()
    count_items(job, found)
    jobs.finish(job, result={**locked.counters, "version": swapped.version, "link": link_to(locked)})
    tell(locked, swapped)


def tell(session: SyncSession, swapped: Swapped) -> None:
    session.audience.refresh_from_db()
    happenings.membership_changed(
        session.account_id, session.audience, swapped.added, swapped.removed, swapped.version
    )
    happenings.sync_completed(session)


def write_errors(
    cursor: Any, session: SyncSession, job: Job, found: Resolved, params: dict[str, Any]
) -> None:
    """Rows, summary and count of what failed."""
    if found.failed == 0:
        return
    keep_errors(cursor, session, found, params)
    jobs.recount_errors(job)
    jobs.advance(job, failed=found.failed)


def count_items(job: Job, found: Resolved) -> None:
    """Superseded and stale items are skipped; the failed ones are counted already."""
    skipped = found.superseded + stale_of(found)
    jobs.advance(job, skipped=skipped, succeeded=found.received - found.failed - skipped)


def stale_of(found: Resolved) -> int:
    return found.people.get("stale", 0) + found.unknown.get("stale", 0)


def to_counters(session: SyncSession, found: Resolved, job: Job) -> dict[str, Any]:
    """As the summary of a batch. Of a replace `removed` are members nobody named: not items, so not in the sum."""
    people, unknown = found.people, found.unknown
    return {
        "chunks": session.counters.get("chunks", 0),
        "received": found.received,
        "added": people.get("added", 0),
        "already_member": people.get("already_member", 0),
        "removed": people.get("removed", 0) + unknown.get("removed", 0),
        "not_member": people.get("not_member", 0) + unknown.get("not_member", 0),
        "held": unknown.get("held", 0),
        "created": job.cursor.get("created", 0),
        "updated": job.cursor.get("updated", 0),
        "superseded": found.superseded,
        "stale": stale_of(found),
        "failed": found.failed,
    }


def link_to(session: SyncSession) -> str:
    return f"/api/v1/syncs/{session}"


@jobs.when_over(Job.Kind.AUDIENCE_REPLACE)
@jobs.when_over(Job.Kind.AUDIENCE_DELTA)
def follow(job: Job) -> None:
    """A job that was cancelled or given up takes its session along."""
    if "sync" not in job.params:  # it only keeps the errors of a batch
        return
    session = sessions.lock(job.account_id, job.params["sync"])
    if session.job_id != job.pk or session.state not in committing.IN_HAND:
        return
    if job.state == Job.State.CANCELLED:
        sessions.end(session, State.CANCELLED, job.reason)
    elif job.state == Job.State.FAILED:
        sessions.end(session, State.FAILED, job.reason)
        happenings.sync_failed(session)
