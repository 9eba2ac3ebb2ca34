"""Delete, restore and empty audiences for a calling system; where a person has to approve, as a job.

Raises `Problem`, knows nothing of HTTP's form. What is done without a person and what a person approved are the same
functions: `audiences.deleting`, `audiences.emptying`.
"""

from __future__ import annotations

from functools import partial

from django.db import transaction

from audiences import jobs
from audiences.api.resource import (
    Check,
    find,
    find_for_change,
    lock_account,
    not_found,
    refusing_twins,
    require_pushed,
    require_room,
    rows,
)
from audiences.api.wire import UsageOut
from audiences.approved import CountDiffers, require_count
from audiences.deleting import WindowPassed
from audiences.deleting import delete as delete_softly
from audiences.deleting import restore as bring_back
from audiences.emptying import Emptied
from audiences.emptying import empty as take_everybody_out
from audiences.models import Audience, Job, push_settings
from audiences.uses import InUse, refuse_in_use, uses_of
from syncapp.accounts.keys import Client
from syncapp.api.problems import Problem


def usages_of(audience: Audience) -> list[UsageOut]:
    return [
        UsageOut(use.kind, use.id, use.name, use.state, use.url, use.blocks_delete)
        for use in uses_of(audience)
    ]


@transaction.atomic
def delete(client: Client, external_id: str, check: Check) -> Job | None:
    """Soft, and frees id and name at once; a job where a person has to approve it first.

    Deleting what was deleted before is fine; 404 where nothing ever was.
    """
    audience = find_for_change(client, external_id)
    if audience is None:
        if not rows(client).filter(external_id=external_id).exists():
            raise not_found()
        return None
    check(audience.version)
    require_pushed(audience)
    try:
        if push_settings(client.account_id).requires_approval:
            refuse_in_use(audience)
            return ask(client, audience, Job.Kind.AUDIENCE_DELETE, total=1)
        delete_softly(audience)
    except InUse as error:
        raise in_use(audience, error) from error
    return None


def in_use(audience: Audience, error: InUse) -> Problem:
    return Problem("audience_in_use", str(error), usages=usages_of(audience))


def ask(client: Client, audience: Audience, kind: Job.Kind, **about: int | dict[str, object] | None) -> Job:
    """The job that waits for a person; the one that waits already, where the call is repeated."""
    waiting = Job.objects.of(client.account_id).filter(
        audience=audience, kind=kind, approval=Job.Approval.WAITING, state=Job.State.QUEUED
    )
    found: Job | None = waiting.filter(params=about.get("params") or {}).first()
    return found or jobs.queue(
        client=client,
        account_id=client.account_id,
        kind=kind,
        audience=audience,
        destructive=True,
        **about,  # type: ignore[arg-type]  # total and params
    )


@transaction.atomic
def restore(client: Client, external_id: str) -> Audience:
    """Bring back the audience of this id that was deleted last."""
    lock_account(client)  # so that nobody creates one of this id or name meanwhile
    deleted = rows(client).filter(external_id=external_id).exclude(deleted_at=None)
    audience: Audience | None = deleted.select_for_update().order_by("-deleted_at", "-pk").first()
    living = find_for_change(client, external_id)
    if living is None and audience is None:
        raise not_found()
    if living is not None or audience is None:
        words = "There is an audience with this external id; nothing needs to be restored."
        raise Problem("external_id_taken", words, conflict={"external_id": external_id})
    require_pushed(audience)
    require_room(client)
    try:
        with refusing_twins(client, audience), transaction.atomic():
            bring_back(audience)
    except WindowPassed as error:
        days = push_settings(client.account_id).restore_days
        words = f"It was deleted more than {days} days ago."
        raise Problem("restore_window_passed", words, restore_days=days) from error
    return audience


def empty(client: Client, external_id: str, check: Check, expected: int | None) -> Emptied | Job:
    """Take everybody out; a job where a person has to approve it first. `expected` members, None: not said."""
    audience = find(client, external_id)
    source = f"api:{client.label}"
    may_empty = partial(refuse_to_empty, check=check, expected=expected)
    if not push_settings(client.account_id).requires_approval:
        try:
            return take_everybody_out(audience, source=source, check=may_empty)
        except Audience.DoesNotExist as error:
            raise not_found() from error
    with transaction.atomic():
        locked = find_for_change(client, external_id)
        if locked is None:
            raise not_found()
        may_empty(locked)
        params = {"expected_member_count": locked.member_count, "source": source}
        return ask(client, locked, Job.Kind.AUDIENCE_EMPTY, params=params)


def refuse_to_empty(audience: Audience, *, check: Check, expected: int | None) -> None:
    check(audience.version)
    require_pushed(audience)
    try:
        require_count(audience, expected)
    except CountDiffers as error:
        raise Problem("count_mismatch", str(error), actual_member_count=audience.member_count) from error
