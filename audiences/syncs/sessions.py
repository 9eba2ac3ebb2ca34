"""Open a session, find it, take it back, let it expire. Raises `Problem`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from audiences import happenings, jobs
from audiences.models import Audience, Job, SyncSession
from audiences.syncs import alerts
from audiences.syncs.guards import with_defaults
from syncapp.accounts.keys import Client
from syncapp.api.problems import Problem, invalid
from syncapp.work import wake

State = SyncSession.State
OPEN_FOR = timedelta(hours=24)
APPROVAL_FOR = timedelta(days=7)
TIDY = "audiences.syncs_tidy"
WAITING = (State.OPEN, State.BLOCKED)  # for the caller; they expire
BEFORE_APPLYING = (State.OPEN, State.VALIDATING, State.READY, State.BLOCKED)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a call asks of a new session; `guards` only what was given."""

    mode: str
    snapshot_at: datetime
    expected_total: int | None
    identifier: str
    unknown_contacts: str
    guards: dict[str, Any]
    external_run_id: str


class AnotherIsOpen(Exception):
    """A replace of the audience; perhaps the one that is asked for, made since somebody looked."""


def rows(account_id: int) -> Any:
    return SyncSession.objects.of(account_id).select_related("audience", "job")


def open_session(client: Client, audience: Audience, wanted: Wanted) -> tuple[SyncSession, bool]:
    """(session, whether it is new). The same run of the same system gets the session it has."""
    expire_waiting(client.account_id, rows(client.account_id).filter(audience=audience))
    try:
        with transaction.atomic():
            return find_run(client, audience, wanted) or (create(client, audience, wanted), True)
    except (IntegrityError, AnotherIsOpen) as error:
        again = find_run(client, audience, wanted)  # another call was a moment earlier
        if again is not None:
            return again
        raise in_progress(audience) from error


def create(client: Client, audience: Audience, wanted: Wanted) -> SyncSession:
    if wanted.mode == SyncSession.Mode.REPLACE:
        if open_replace(audience) is not None:
            raise AnotherIsOpen
        if audience.replaced_at is not None and wanted.snapshot_at < audience.replaced_at:
            words = (
                f"A replace as of {audience.replaced_at.isoformat()} was applied already; this one is older."
            )
            raise invalid("/snapshot_at", words, "stale_snapshot")
    session: SyncSession = SyncSession.objects.create(
        account_id=client.account_id,
        audience=audience,
        key_id=client.key_id,
        mode=wanted.mode,
        snapshot_at=wanted.snapshot_at,
        expected_total=wanted.expected_total,
        identifier=wanted.identifier,
        unknown_contacts=wanted.unknown_contacts,
        guards=with_defaults(wanted.mode, wanted.guards),
        external_run_id=wanted.external_run_id,
        expires_at=timezone.now() + OPEN_FOR,
    )
    return session


def find_run(client: Client, audience: Audience, wanted: Wanted) -> tuple[SyncSession, bool] | None:
    if wanted.external_run_id == "":
        return None
    mine = rows(client.account_id).filter(audience=audience, key_id=client.key_id)
    found = mine.filter(external_run_id=wanted.external_run_id).first()
    return None if found is None else (found, False)


def open_replace(audience: Audience) -> SyncSession | None:
    live = rows(audience.account_id).filter(audience=audience, mode=SyncSession.Mode.REPLACE)
    found: SyncSession | None = live.filter(state__in=SyncSession.LIVE).first()
    return found


def in_progress(audience: Audience) -> Problem:
    other = open_replace(audience)
    return Problem(
        "sync_in_progress",
        "Another replace of this audience is open.",
        sync=None if other is None else str(other),
    )


def find(account_id: int, session_id: int) -> SyncSession | None:
    """As it is now: expired where its time is over."""
    found: SyncSession | None = rows(account_id).filter(pk=session_id).first()
    if found is not None and is_overdue(found):
        expire_waiting(account_id, rows(account_id).filter(pk=session_id))
        found = rows(account_id).get(pk=session_id)
    return found


def is_overdue(session: SyncSession) -> bool:
    return session.state in WAITING and session.expires_at <= timezone.now()


def expire_waiting(account_id: int, among: Any, now: datetime | None = None) -> None:
    """End the sessions that nobody committed in time."""
    moment = now or timezone.now()
    overdue = among.filter(state__in=WAITING, expires_at__lte=moment).values_list("pk", flat=True)
    for session_id in list(overdue):
        with transaction.atomic():
            session = lock(account_id, session_id)
            if session.state in WAITING and session.expires_at <= moment:
                end(session, State.EXPIRED, "It was not committed in time.")
                happenings.sync_failed(session)


def lock(account_id: int, session_id: int) -> SyncSession:
    """The row as it is now, nobody else's until the transaction ends. Whoever needs the job's row locks that first."""
    plain = SyncSession.objects.of(account_id).select_for_update(of=("self",))
    found: SyncSession = plain.select_related("audience").get(pk=session_id)
    return found


def require_open(session: SyncSession) -> None:
    """It takes chunks and a commit: open, or stopped by a guard."""
    if session.state == State.EXPIRED:
        raise Problem("session_expired", "The session was not committed in time; open another.")
    if session.state not in WAITING:
        raise closed(session)


def closed(session: SyncSession) -> Problem:
    job = None if session.job_id is None else f"job_{session.job_id}"
    return Problem(
        "session_closed",
        f"The session is {session.state}.",
        state=session.state,
        sync=str(session),
        job_id=job,
    )


def cancel(account_id: int, session_id: int, reason: str = "Cancelled by a call.") -> SyncSession:
    """Take it back, as long as nothing is applied. A repeat is fine."""
    with transaction.atomic():
        known = rows(account_id).get(pk=session_id)
        if known.job_id is not None:
            Job.objects.of(account_id).select_for_update().get(pk=known.job_id)
        session = lock(account_id, session_id)
        if session.state == State.CANCELLED:
            return session
        if session.state == State.EXPIRED:
            require_open(session)
        if session.state not in BEFORE_APPLYING:
            raise closed(session)
        end(session, State.CANCELLED, reason)
        if session.job_id is not None:
            jobs.finish(session.job, state=Job.State.CANCELLED, reason=reason)
        return session


def end(session: SyncSession, state: str, reason: str) -> None:
    """Close it; what was staged is tidied away unless a job still owes it."""
    session.state, session.reason = state, reason[:300]
    session.finished_at = timezone.now()
    session.confirm_sha256 = None
    session.save(update_fields=["state", "reason", "finished_at", "confirm_sha256"])
    alerts.tell_over(session)
    tidy_later(session)


def tidy_later(session: SyncSession) -> None:
    wake(TIDY, str(session.pk), account_id=session.account_id)
