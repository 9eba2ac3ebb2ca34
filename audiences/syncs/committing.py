"""From a staged session to its job: the commit, its confirm token, and a person's approval in its place."""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

from django.db import transaction
from django.db.models import Count, Max, Sum
from django.utils import timezone
from django.utils.crypto import salted_hmac

from audiences import jobs
from audiences.models import Job, SyncChunk, SyncSession
from audiences.syncs import alerts, sessions
from audiences.syncs.guards import APPROVAL
from syncapp.accounts.keys import Client
from syncapp.accounts.models import User
from syncapp.api.problems import Problem, invalid

State = SyncSession.State
SHOWN = 1_000  # missing numbers in an answer
IN_HAND = (State.VALIDATING, State.READY, State.APPLYING)
KINDS = {
    SyncSession.Mode.REPLACE.value: Job.Kind.AUDIENCE_REPLACE.value,
    SyncSession.Mode.DELTA.value: Job.Kind.AUDIENCE_DELTA.value,
}


class CannotConfirm(ValueError):
    """The session does not wait for a person, or nobody may let it pass."""


@transaction.atomic
def commit(client: Client, session_id: int, chunks: int, total: int, token: str | None) -> SyncSession:
    """Hand it to the workers. Repeated while it is in hand the same commit gives the same job."""
    session = sessions.lock(client.account_id, session_id)
    if session.state in IN_HAND and session.job_id is not None and session.counters.get("chunks") == chunks:
        return session
    sessions.require_open(session)
    require_complete(session, chunks, total)
    digest = digest_of(session)
    if session.state == State.BLOCKED:
        require_token(session, digest, token)
        session.confirmed_at = timezone.now()
    elif token is not None:
        raise not_confirmed(session, "The confirm token does not belong to this content.")
    return hand_over(session, client, f"api:{client.label}", chunks, total, digest)


def require_complete(session: SyncSession, chunks: int, total: int) -> None:
    """Every chunk the caller counted is there, and every item."""
    staged = SyncChunk.objects.of(session.account_id).filter(session_id=session.pk)
    found = staged.aggregate(chunks=Count("pk"), highest=Max("number"), items=Sum("items"))
    if (found["highest"] or 0) > chunks:
        raise invalid("/chunks", f"Chunk {found['highest']} came, but you counted {chunks}.", "too_few")
    if found["chunks"] < chunks:
        have = set(staged.values_list("number", flat=True))
        missing = [number for number in range(1, chunks + 1) if number not in have][:SHOWN]
        raise Problem(
            "missing_chunks", f"{chunks - found['chunks']} of {chunks} chunks have not come.", missing=missing
        )
    items = found["items"] or 0
    for expected, whose in ((total, "commit"), (session.expected_total, "session")):
        if expected is not None and expected != items:
            words = f"The {whose} says {expected} items; {items} came."
            raise Problem("total_mismatch", words, expected=expected, staged=items)
    if items == 0 and session.mode == SyncSession.Mode.DELTA:
        raise Problem("empty_request", "The session has no operations.")


def digest_of(session: SyncSession) -> bytes:
    """Of everything staged."""
    staged = SyncChunk.objects.of(session.account_id).filter(session_id=session.pk).order_by("number")
    whole = hashlib.sha256()
    for number, sha256 in staged.values_list("number", "sha256"):
        whole.update(f"{number}:".encode() + bytes(sha256))
    return whole.digest()


def require_token(session: SyncSession, digest: bytes, token: str | None) -> None:
    if token is None:
        raise not_confirmed(session, f"A guard stopped it. {way_on(session)}")
    given = hashlib.sha256(token.encode()).digest()
    wanted = bytes(session.confirm_sha256 or b"")
    is_same = session.content_sha256 is not None and bytes(session.content_sha256) == digest
    if not (is_same and hmac.compare_digest(wanted, given)):
        raise not_confirmed(session, "The confirm token does not fit, or was used.")


def not_confirmed(session: SyncSession, words: str) -> Problem:
    return Problem("guard_tripped", words, guard=session.guard)


def hand_over(
    session: SyncSession, client: Client | None, source: str, chunks: int, total: int, digest: bytes
) -> SyncSession:
    """Queue its job and close it for chunks."""
    session.job = jobs.queue(
        client=client,
        account_id=session.account_id,
        kind=KINDS[session.mode],
        audience=session.audience,
        params={"sync": session.pk, "source": source},
        total=total,
    )
    session.state = State.VALIDATING
    session.committed_at = timezone.now()
    session.content_sha256 = digest
    session.confirm_sha256 = None
    session.counters = {"chunks": chunks}
    session.save(
        update_fields=[
            *("job", "state", "committed_at", "content_sha256", "confirm_sha256", "counters"),
            *("confirmed_at", "confirmed_by"),
        ]
    )
    alerts.tell_over(session)
    return session


def give_token(session: SyncSession) -> None:
    """Let the caller confirm what was stopped; only the hash is kept, the token can be worked out again."""
    guard = session.guard or {}
    may = guard.get("confirmable", False) and APPROVAL not in guard.get("tripped", [])
    session.confirm_sha256 = hashlib.sha256(to_token(session).encode()).digest() if may else None


def way_on(session: SyncSession) -> str:
    """What lets a stopped session go on, in words for the caller."""
    guard = session.guard or {}
    if APPROVAL in guard.get("tripped", []):
        return "A person has to approve it."
    if not guard.get("confirmable", False):
        return "It would leave nobody, which needs min_total 0: open another session."
    return "Commit with the confirm token to go on."


def token_of(session: SyncSession) -> str | None:
    """What the caller may confirm with; None where it was used, or a person has to."""
    if session.state != State.BLOCKED or session.confirm_sha256 is None:
        return None
    return to_token(session)


def to_token(session: SyncSession) -> str:
    content = bytes(session.content_sha256 or b"").hex()
    text = f"{session.account_id}/{session.pk}/{session.job_id}/{content}"
    return "ct_" + salted_hmac("audiences.syncs.confirm", text, algorithm="sha256").hexdigest()[:40]


@transaction.atomic
def confirm(session: SyncSession, user: User) -> SyncSession:
    """A person lets a stopped session pass. Raises CannotConfirm."""
    locked = sessions.lock(session.account_id, session.pk)
    if locked.state != State.BLOCKED or sessions.is_overdue(locked):
        raise CannotConfirm(f"{locked} does not wait for anybody.")
    guard: dict[str, Any] = locked.guard or {}
    if not guard.get("confirmable", False):
        raise CannotConfirm(f"{locked} would leave nobody, and was not opened with min_total 0.")
    locked.confirmed_at, locked.confirmed_by = timezone.now(), user
    previous = locked.job
    source = "api" if previous is None else previous.params["source"]
    chunks = SyncChunk.objects.of(locked.account_id).filter(session_id=locked.pk)
    items = chunks.aggregate(items=Sum("items"))["items"] or 0
    hand_over(locked, None, source, chunks.count(), items, digest_of(locked))
    session.refresh_from_db()
    return locked


def refuse(session: SyncSession, user: User, reason: str = "") -> SyncSession:
    """A person ends a stopped session without an effect."""
    words = f"Refused by {user}: {reason}" if reason else f"Refused by {user}."
    ended = sessions.cancel(session.account_id, session.pk, words)
    session.refresh_from_db()
    return ended
