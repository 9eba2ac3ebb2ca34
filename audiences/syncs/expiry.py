"""What time takes away from sessions: those nobody committed, and the items of those that are over."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.db.models import Exists, OuterRef
from django.utils import timezone

from audiences.models import Job, StagedItem, SyncSession
from audiences.syncs import sessions
from syncapp.accounts import scope
from syncapp.accounts.models import Account
from syncapp.work import Slice, every, handler

REMEMBERED = timedelta(days=90)  # that there was a session, and how it ended
ROWS_AT_ONCE = 50_000

FORGET = """
DELETE FROM audiences_stageditem WHERE account_id = %(account)s AND session_id = %(session)s AND chunk = ANY(
    ARRAY(
        SELECT DISTINCT chunk FROM (
            SELECT chunk FROM audiences_stageditem WHERE account_id = %(account)s AND session_id = %(session)s
            LIMIT %(rows)s
        ) few
    )
)
"""


@handler(sessions.TIDY)
def tidy(account_id: int, key: str, slice_: Slice) -> float | None:
    """Take away what was staged, unless a job that ended without an effect still owes it to its caller."""
    session = sessions.rows(account_id).filter(pk=int(key)).first()
    if session is None or session.state in SyncSession.LIVE or is_owed(session):
        return None
    while not slice_.is_over():
        if forget_some(session) == 0:
            return None
    return 0


def is_owed(session: SyncSession, now: datetime | None = None) -> bool:
    """Its job left it undone, and its results are kept."""
    moment = now or timezone.now()
    done = (SyncSession.State.COMPLETED, SyncSession.State.COMPLETED_WITH_ERRORS)
    job: Job | None = session.job
    if session.state in done or job is None:
        return False
    return job.expires_at is None or job.expires_at > moment


def forget_some(session: SyncSession) -> int:
    params: dict[str, Any] = {"account": session.account_id, "session": session.pk, "rows": ROWS_AT_ONCE}
    with connection.cursor() as cursor:
        cursor.execute(FORGET, params)
        return int(cursor.rowcount)


@every(3600, name="audiences.expire_syncs")
def expire_syncs(slice_: Slice) -> float | None:
    for account_id in Account.objects.order_by("pk").values_list("pk", flat=True):
        with scope.account(account_id):
            expire(account_id)
        if slice_.is_over():
            return 60
    return None


def expire(account_id: int, now: datetime | None = None) -> None:
    """Runs in the account's scope."""
    moment = now or timezone.now()
    every_one = sessions.rows(account_id)
    sessions.expire_waiting(account_id, every_one, moment)
    over = every_one.exclude(state__in=SyncSession.LIVE)
    staged = StagedItem.objects.of(account_id).filter(session_id=OuterRef("pk"))
    for session in over.filter(Exists(staged)):
        if not is_owed(session, moment):
            sessions.tidy_later(session)
    over.filter(finished_at__lte=moment - REMEMBERED).delete()
