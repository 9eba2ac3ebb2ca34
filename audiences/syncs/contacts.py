"""Contact data in staged items, and people to be made: written in pages before the swap.

Each page is one transaction with the place it came to, so that it is written once. A page that fails for some people
marks their items; nothing of it decides who is a member.
"""

from __future__ import annotations

from typing import Any

import msgspec
from django.db import connection, transaction

from audiences import ingest, jobs
from audiences.api.operations import to_contact
from audiences.api.wire import ContactIn
from audiences.ingest import ItemOutcome, Operation
from audiences.models import Job, SyncSession
from audiences.syncs.lines import to_pointer
from syncapp.accounts.models import Account
from syncapp.database.joins import fetch_by_key
from syncapp.work import Slice

PAGE = 10_000

# Bare ids matter only where nobody has them yet and people may be made.
READ = """
SELECT s.chunk, s.position, s.kind, s.value, s.contact,
    s.code = '' AND s.op = 'add' AND (
        s.contact IS NOT NULL
        OR %(creates)s AND s.kind IN ('external_id', 'email') AND x.id IS NULL AND m.id IS NULL
    )
FROM (
    SELECT chunk, position, op, kind, value, contact, code,
        CASE WHEN kind = 'external_id' AND contact IS NULL THEN value END AS external_id,
        CASE WHEN kind = 'email' AND contact IS NULL THEN value END AS email
    FROM audiences_stageditem
    WHERE account_id = %(account)s AND session_id = %(session)s
        AND (chunk, position) > (%(chunk)s, %(place)s)
    ORDER BY chunk, position LIMIT %(page)s
) s
LEFT JOIN audiences_profile x ON x.account_id = %(account)s AND x.external_id = s.external_id
LEFT JOIN audiences_profile m ON m.account_id = %(account)s AND m.email = s.email
ORDER BY s.chunk, s.position
"""
MARK = """
UPDATE audiences_stageditem s SET code = failed.code, detail = failed.detail, pointer = failed.pointer
FROM unnest(%(chunks)s::int[], %(places)s::int[], %(codes)s::text[], %(details)s::text[], %(pointers)s::text[])
    AS failed (chunk, place, code, detail, pointer)
WHERE s.account_id = %(account)s AND s.session_id = %(session)s AND s.chunk = failed.chunk AND s.position = failed.place
"""


def write_contacts(session: SyncSession, job: Job, slice_: Slice) -> bool:
    """Go on where the job's cursor is; True when the last page is written. False where the slice is over."""
    while not slice_.is_over() and not jobs.cancel_asked(job):
        with transaction.atomic():
            if not write_page(session, job):
                return True
    return False


def write_page(session: SyncSession, job: Job) -> bool:
    """False when there was none left."""
    place = job.cursor.get("place", [0, -1])
    params: dict[str, Any] = {
        "account": session.account_id,
        "session": session.pk,
        "chunk": place[0],
        "place": place[1],
        "page": PAGE,
        "creates": session.unknown_contacts == "create",
    }
    with connection.cursor() as cursor:
        rows = fetch_by_key(cursor, READ, params)
        if not rows:
            return False
        todo = [row for row in rows if row[5]]
        counts = {"created": 0, "updated": 0}
        if todo:
            result = upsert(session, job, todo)
            counts = {name: result.counts[name] for name in counts}
            mark(cursor, session, params, [(todo[error.index], error) for error in result.errors])
    written = {name: job.cursor.get(name, 0) + count for name, count in counts.items()}
    jobs.advance(job, cursor={**job.cursor, **written, "place": [rows[-1][0], rows[-1][1]]})
    return True


def upsert(session: SyncSession, job: Job, rows: list[tuple[Any, ...]]) -> ingest.Result:
    """Whoever may not be made, or is to be held, is none of an upsert's failures: the swap decides."""
    return ingest.apply(
        account=Account(pk=session.account_id),
        audience=None,
        operations=[to_operation(index, *row[2:5]) for index, row in enumerate(rows)],
        unknown="create" if session.unknown_contacts == "create" else "reject",
        source=job.params["source"],
    )


def to_operation(index: int, kind: Any, value: str, contact: str | None) -> Operation:
    if contact is None:
        return Operation(index, "upsert", kind, value)
    return Operation(index, "upsert", kind, value, to_contact(msgspec.json.decode(contact, type=ContactIn)))


def mark(
    cursor: Any,
    session: SyncSession,
    params: dict[str, Any],
    failed: list[tuple[tuple[Any, ...], ItemOutcome]],
) -> None:
    is_delta = session.mode == SyncSession.Mode.DELTA
    real = [(row, error) for row, error in failed if error.code != "contact_not_found"]
    if not real:
        return
    values = {
        **params,
        "chunks": [row[0] for row, _ in real],
        "places": [row[1] for row, _ in real],
        "codes": [error.code for _, error in real],
        "details": [error.detail[:300] for _, error in real],
        "pointers": [f"/items/{row[1]}{to_pointer(error.pointer, is_delta)}"[:300] for row, error in real],
    }
    cursor.execute(MARK, values)
