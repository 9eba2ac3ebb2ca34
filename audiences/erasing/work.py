"""What goes on after the answer: jobs that delete or erase, and rows that vanish when no list holds the person."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from audiences import jobs
from audiences.erasing.leaving import Names, bury_unknown, leave
from audiences.erasing.traces import remove_traces
from audiences.erasing.vanishing import pause_s, vanish
from audiences.models import Job, Profile
from audiences.suppressions import to_hmac
from syncapp.accounts.keys import Client
from syncapp.work import Slice, handler, wake

VANISH = "audiences.vanish"
FIRST_LOOK_S = 2.0  # connections plan and send meanwhile


@handler(VANISH)
def vanish_when_settled(account_id: int, key: str, slice_: Slice) -> float | None:
    if not vanish(account_id, int(key)).waits_for:
        return None
    return pause_of(account_id, int(key))


@transaction.atomic
def delete(*, account_id: int, profile_id: int, source: str) -> bool:
    """Forget a person who may come back. False where there is none."""
    if leave(account_id=account_id, profile_id=profile_id, source=source, erases=False) is None:
        return False
    wake(VANISH, str(profile_id), account_id=account_id, delay_s=FIRST_LOOK_S)
    return True


@transaction.atomic
def queue_deletion(*, client: Client | None, account_id: int, profile_id: int) -> Job:
    """A deletion that a person has to approve first."""
    params = {"profile_id": profile_id, "source": to_source(client)}
    return jobs.queue(
        client=client,
        account_id=account_id,
        kind=Job.Kind.CONTACT_DELETE,
        params=params,
        total=1,
        destructive=True,
    )


@jobs.carries_out(Job.Kind.CONTACT_DELETE)
def carry_out_deletion(job: Job, slice_: Slice) -> bool:
    with transaction.atomic():
        delete(
            account_id=job.account_id,
            profile_id=job.params["profile_id"],
            source=job.params.get("source", ""),
        )
        jobs.advance(job, succeeded=1)
    return True


@transaction.atomic
def erase(*, client: Client | None, account_id: int, profile_id: int, source: str = "") -> Job:
    """Erase a person: at once, unless the account wants approvals. The job goes on until no list holds them.

    `source`: who asked, where no system did, as `admin:<address>`. The job knows the person's names only until their
    traces are removed.
    """
    external_id = Profile.objects.of(account_id).filter(pk=profile_id).values_list("external_id", flat=True)
    params = {
        "profile_id": profile_id,
        "source": source or to_source(client),
        "external_id_hmac": hmac_of(external_id.first()),
    }
    job = jobs.queue(
        client=client,
        account_id=account_id,
        kind=Job.Kind.CONTACT_ERASE,
        params=params,
        total=1,
        destructive=client is not None,
    )
    if job.approval != Job.Approval.WAITING:
        begin_erasure(job)
    return job


@transaction.atomic
def erase_unknown(*, client: Client, account_id: int, external_id: str) -> Job:
    """Erase somebody of whom only held operations are known."""
    params = {"profile_id": None, "external_id_hmac": hmac_of(external_id)}
    bury_unknown(account_id=account_id, external_id=external_id)
    return jobs.queue(
        client=client, account_id=account_id, kind=Job.Kind.CONTACT_ERASE, params=params, total=1
    )


def earlier_erasure(account_id: int, external_id: str) -> Job | None:
    """The latest job that erased this external id, as long as jobs are remembered."""
    rows = Job.objects.of(account_id).filter(
        kind=Job.Kind.CONTACT_ERASE, params__external_id_hmac=hmac_of(external_id)
    )
    found: Job | None = rows.order_by("-pk").first()
    return found


@jobs.carries_out(Job.Kind.CONTACT_ERASE)
def carry_out_erasure(job: Job, slice_: Slice) -> bool | float:
    if "names" not in job.cursor and job.params["profile_id"] is not None:
        begin_erasure(job)  # now that it is approved
    if job.cursor.get("names"):
        with transaction.atomic():
            remove_traces(job.account_id, job.cursor["names"])
            jobs.advance(job, cursor={"names": []})
    return finish_erasure(job)


def finish_erasure(job: Job) -> bool | float:
    profile_id = job.params["profile_id"]
    vanished = vanish(job.account_id, profile_id) if profile_id is not None else None
    if vanished is not None and vanished.waits_for:
        Job.objects.of(job.account_id).filter(pk=job.pk).update(result={"waits_for": vanished.waits_for})
        return pause_of(job.account_id, profile_id)
    left_at = list(vanished.left_at) if vanished is not None else []
    words = f"Gone here, but taking the person off was given up at: {', '.join(left_at)}." if left_at else ""
    with transaction.atomic():
        jobs.advance(job, succeeded=1)
        state = Job.State.COMPLETED_WITH_ERRORS if left_at else Job.State.COMPLETED
        jobs.finish(job, state=state, result={"left_at": left_at}, reason=words)
    return True


@jobs.when_over(Job.Kind.CONTACT_ERASE)
def vanish_without_the_job(job: Job) -> None:
    """Who left stays left, also where the job that waits for the lists was cancelled or failed."""
    rows = Profile.objects.of(job.account_id).filter(pk=job.params["profile_id"]).exclude(forgotten_at=None)
    if rows.exists():
        wake(VANISH, str(job.params["profile_id"]), account_id=job.account_id)


@transaction.atomic
def begin_erasure(job: Job) -> None:
    """The person leaves; the job remembers the names until their traces are gone."""
    profile_id = job.params["profile_id"]
    names = leave(
        account_id=job.account_id, profile_id=profile_id, source=job.params.get("source", ""), erases=True
    )
    known = names or Names(profile_id, None, None)
    jobs.advance(job, cursor={"names": known.texts})


def pause_of(account_id: int, profile_id: int) -> float:
    rows = Profile.objects.of(account_id).filter(pk=profile_id)
    return pause_s(rows.values_list("forgotten_at", flat=True).first() or timezone.now())


def to_source(client: Client | None) -> str:
    return "" if client is None else f"api:{client.label}"


def hmac_of(external_id: str | None) -> str:
    return "" if external_id is None else to_hmac(external_id).hex()


def waiting(profile: Profile, kind: str = Job.Kind.CONTACT_ERASE) -> Job | None:
    """The job about this person that waits for an approval already."""
    rows = Job.objects.of(profile.account_id).filter(
        kind=kind,
        approval=Job.Approval.WAITING,
        state=Job.State.QUEUED,
        params__profile_id=profile.pk,
    )
    found: Job | None = rows.first()
    return found
