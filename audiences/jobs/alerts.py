"""What staff are told of jobs."""

from __future__ import annotations

from audiences.models import Job
from syncapp.notices import raise_alert, register_kind, resolve_alert

APPROVAL_WANTED = "approval_wanted"
register_kind(
    APPROVAL_WANTED,
    "A call of another system waits for approval",
    default_on=True,
    help="It would delete, empty, replace or erase; nothing happens until somebody here approves or refuses.",
)


def tell_waiting(job: Job, system: str) -> None:
    """`system`: the label of the key that asked."""
    what = Job.Kind(job.kind).label
    whom = f" “{job.audience.name}”" if job.audience is not None else ""
    raise_alert(
        account_id=job.account_id,
        kind=APPROVAL_WANTED,
        subject=f"job:{job.pk}",
        subject_label=f"{what}{whom}",
        url=page_of(job),
        title=f"Approve or refuse: {what.lower()}{whom}",
        words=f"{system or 'Another system'} asked for it. Nothing happens until somebody here approves it.",
        severity="warning",
    )


def tell_decided(job: Job) -> None:
    resolve_alert(account_id=job.account_id, kind=APPROVAL_WANTED, subject=f"job:{job.pk}")


def page_of(job: Job) -> str:
    return f"/admin/audiences/job/{job.pk}/change/"
