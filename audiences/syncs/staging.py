"""Keep a chunk until the commit. Idempotent by number and content; memory holds one chunk."""

from __future__ import annotations

from typing import Any

from django.db import connection, transaction
from django.db.models import Sum
from django.utils import timezone

from audiences.ingest.values import checks_of
from audiences.models import Property, StagedItem, SyncChunk, SyncSession
from audiences.syncs import reading, sessions
from audiences.syncs.lines import COLUMNS, Lines
from syncapp.api import limits
from syncapp.api.problems import Problem
from syncapp.database.copy import copy_lines

State = SyncSession.State

# Rows of the same session arrive side by side: chunks lock the session shared, the commit exclusively.
SHARE = "SELECT state FROM audiences_syncsession WHERE account_id = %s AND id = %s FOR KEY SHARE"
OPEN_AGAIN = """
UPDATE audiences_syncsession
SET state = 'open', guard = NULL, confirm_sha256 = NULL, confirmed_at = NULL, expires_at = %(expires_at)s
WHERE account_id = %(account)s AND id = %(session)s AND state = 'blocked_by_guard'
"""
CREATE = """
CREATE TEMP TABLE IF NOT EXISTS sync_chunk (
    position int, op text, kind text, value text, occurred_at timestamptz, contact jsonb, code text, detail text,
    pointer text, original text
) ON COMMIT DELETE ROWS;
TRUNCATE sync_chunk
"""
KEEP = f"""
INSERT INTO audiences_stageditem (account_id, session_id, chunk, {", ".join(COLUMNS)})
SELECT %(account)s, %(session)s, %(chunk)s, {", ".join(COLUMNS)} FROM sync_chunk
"""  # noqa: S608  made of constants only
TAKE_NUMBER = """
INSERT INTO audiences_syncchunk (account_id, session_id, number, sha256, items, failed, received_at)
VALUES (%(account)s, %(session)s, %(chunk)s, %(sha256)s, %(items)s, %(failed)s, %(now)s)
ON CONFLICT (account_id, session_id, number) DO NOTHING RETURNING id
"""


def read(session: SyncSession, media_type: str, body: bytes) -> Lines:
    """Check the items of a body; `media_type` as in `reading.FORMATS`. Raises Problem for a wrong envelope."""
    is_delta = session.mode == SyncSession.Mode.DELTA
    lines = Lines(
        kind=session.identifier,  # type: ignore[arg-type]  # choices of the model
        is_delta=is_delta,
        checks=checks_of(session.account_id),
        now=timezone.now(),
        pointer="/operations" if is_delta else "/members",
    )
    if media_type == reading.CSV:
        types = Property.objects.of(session.account_id).values_list("key", "type")
        reading.read_csv(body, lines, is_delta, dict(types))
    elif media_type == reading.NDJSON:
        reading.read_ndjson(body, lines)
    else:
        reading.read_json(body, lines, is_delta)
    return lines


def find_chunk(session: SyncSession, number: int) -> SyncChunk | None:
    found: SyncChunk | None = (
        SyncChunk.objects.of(session.account_id).filter(session_id=session.pk, number=number).first()
    )
    return found


def require_same(chunk: SyncChunk, sha256: bytes) -> SyncChunk:
    if bytes(chunk.sha256) != sha256:
        raise Problem("chunk_conflict", f"Chunk {chunk.number} came before, with other content.")
    return chunk


@transaction.atomic
def keep(session: SyncSession, number: int, sha256: bytes, lines: Lines) -> tuple[SyncChunk, bool]:
    """(chunk, whether it is new). A session that a guard stopped is open again, for its content is another now."""
    params: dict[str, Any] = {
        "account": session.account_id,
        "session": session.pk,
        "chunk": number,
        "sha256": sha256,
        "items": lines.items,
        "failed": lines.failed,
        "now": timezone.now(),
        "expires_at": timezone.now() + sessions.OPEN_FOR,
    }
    with connection.cursor() as cursor:
        cursor.execute(SHARE, [session.account_id, session.pk])
        (session.state,) = cursor.fetchone()
        sessions.require_open(session)
        cursor.execute(TAKE_NUMBER, params)
        if cursor.fetchone() is None:
            known = find_chunk(session, number)
            assert known is not None  # noqa: S101  chunks are never taken back
            return require_same(known, sha256), False
        if session.state == State.BLOCKED:
            cursor.execute(OPEN_AGAIN, params)
        refuse_too_many(session)
        cursor.execute(CREATE)
        copy_lines(cursor, "sync_chunk", COLUMNS, lines.encode())
        cursor.execute(KEEP, params)
    found = find_chunk(session, number)
    assert found is not None  # noqa: S101  just made
    return found, True


def refuse_too_many(session: SyncSession) -> None:
    chunks = SyncChunk.objects.of(session.account_id).filter(session_id=session.pk)
    items = chunks.aggregate(items=Sum("items"))["items"] or 0
    if items > limits.SESSION_ITEMS:
        raise Problem(
            "too_many_items",
            f"A session may have {limits.SESSION_ITEMS} items at most.",
            limit=limits.SESSION_ITEMS,
            received=items,
        )


def failed_items(session: SyncSession, number: int, most: int) -> list[StagedItem]:
    """The first items of a chunk that cannot be taken."""
    rows = StagedItem.objects.of(session.account_id).filter(session_id=session.pk, chunk=number)
    return list(rows.exclude(code="").order_by("position")[:most])
