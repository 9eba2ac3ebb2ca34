"""What a job left undone, as it was sent: the staged items of its session, as long as they are kept."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.db import connection

from audiences import jobs
from audiences.models import Job, SyncSession
from audiences.syncs.swapping import ORIGINAL
from syncapp.accounts import scope

PAGE = 5_000

READ = f"""
SELECT s.chunk, s.position, {ORIGINAL}
FROM audiences_stageditem s
WHERE s.account_id = %(account)s AND s.session_id = %(session)s AND s.code = ''
    AND (s.chunk, s.position) > (%(chunk)s, %(place)s)
ORDER BY s.chunk, s.position LIMIT {PAGE}
"""  # noqa: S608  made of constants only


@jobs.leaves(Job.Kind.AUDIENCE_REPLACE)
@jobs.leaves(Job.Kind.AUDIENCE_DELTA)
def unprocessed(job: Job) -> Iterator[bytes]:
    """Nothing where the job did it all."""
    if job.state not in (Job.State.FAILED, Job.State.CANCELLED):
        return
    params: dict[str, Any] = {
        "account": job.account_id,
        "session": job.params["sync"],
        "is_replace": job.kind == Job.Kind.AUDIENCE_REPLACE,
        "chunk": 0,
        "place": -1,
    }
    with scope.account(job.account_id):
        if not SyncSession.objects.of(job.account_id).filter(pk=params["session"], job_id=job.pk).exists():
            return  # another commit of the session did it, or has yet to
    while True:
        with scope.account(job.account_id), connection.cursor() as cursor:
            cursor.execute(READ, params)
            rows = cursor.fetchall()
        yield b"".join(original.encode() + b"\n" for _, _, original in rows)
        if len(rows) < PAGE:
            return
        params["chunk"], params["place"] = rows[-1][0], rows[-1][1]
