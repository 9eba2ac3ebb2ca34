"""What a system asked for and a person approved: an audience deleted or emptied, as jobs.

Between the call and the approval the audience may have changed; then the job fails and says why, and nothing is done.
"""

from __future__ import annotations

from functools import partial

import pghistory
from django.db import transaction

from audiences import jobs
from audiences.deleting import delete
from audiences.emptying import empty
from audiences.models import Audience, Job
from audiences.uses import InUse
from syncapp.work import Slice


class CountDiffers(Exception):
    """The audience does not have as many members as the caller believes."""


def require_count(audience: Audience, expected: int | None) -> None:
    if expected is not None and audience.member_count != expected:
        raise CountDiffers(f"The audience has {audience.member_count} members, not {expected}.")


@jobs.carries_out(Job.Kind.AUDIENCE_DELETE)
def delete_audience(job: Job, slice_: Slice) -> bool:
    try:
        with transaction.atomic(), pghistory.context(user=job.decided_by_id):
            held = Audience.objects.of(job.account_id).select_for_update()
            audience = held.filter(pk=job.audience_id, deleted_at=None).first()
            if audience is not None:
                delete(audience)
            if job.processed == 0:
                jobs.advance(job, succeeded=1)
    except InUse as error:
        jobs.finish(job, state=Job.State.FAILED, reason=str(error))
    return True


@jobs.carries_out(Job.Kind.AUDIENCE_EMPTY)
def empty_audience(job: Job, slice_: Slice) -> bool:
    if job.audience is None:
        jobs.finish(job, state=Job.State.FAILED, reason="The audience is gone.")
        return True
    if "removed" in job.cursor:  # done already, by a worker that died before it could say so
        jobs.finish(job, result=job.cursor)
        return True
    check = partial(require_count, expected=job.params["expected_member_count"])
    try:
        with transaction.atomic(), pghistory.context(user=job.decided_by_id):
            emptied = empty(job.audience, source=job.params["source"], check=check)
            done = {"removed": emptied.removed, "held_removed": emptied.held_removed}
            jobs.advance(job, succeeded=emptied.removed, total=emptied.removed, cursor=done)
    except CountDiffers as error:
        jobs.finish(job, state=Job.State.FAILED, reason=str(error))
    except Audience.DoesNotExist:
        jobs.finish(job, state=Job.State.FAILED, reason="The audience was deleted meanwhile.")
    else:
        jobs.finish(job, result=done)
    return True
