"""How sync sessions and jobs look, and what to do about them: a tone with a word, never a colour alone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from audiences.models import Job, SyncSession

S, J = SyncSession.State, Job.State
WAITING_SESSION = Q(state=S.BLOCKED)
WAITING_JOB = Q(approval=Job.Approval.WAITING, state=J.QUEUED)


@dataclass(frozen=True, slots=True)
class Look:
    """`tone`: good, info, warn, bad or "". `act` is what somebody has to do; "" when nobody has."""

    word: str
    tone: str
    act: str = ""

    @property
    def badge(self) -> SafeString:
        return format_html(
            '<span class="badge{}">{}</span>', f" badge-{self.tone}" if self.tone else "", self.word
        )


SESSION_LOOKS = {
    S.OPEN: Look(
        "Receiving", "info", "Nothing to do here: the other system is sending, and commits when it is done."
    ),
    S.VALIDATING: Look("Being checked", "info"),
    S.READY: Look("Ready", "info"),
    S.BLOCKED: Look("Waits for you", "warn", "Look at the figures, then approve or refuse it."),
    S.APPLYING: Look("Being applied", "info"),
    S.COMPLETED: Look("Completed", "good"),
    S.COMPLETED_WITH_ERRORS: Look(
        "Completed with errors",
        "warn",
        "Send the codes below to whoever runs that system; the rest is applied.",
    ),
    S.FAILED: Look("Failed", "bad", "Nothing was changed. The other system has to send it again."),
    S.EXPIRED: Look(
        "Expired", "", "It was never committed, so nothing was changed. Ask the other system why."
    ),
    S.CANCELLED: Look("Cancelled", ""),
}
JOB_LOOKS = {
    J.QUEUED: Look("Queued", "info"),
    J.RUNNING: Look("Running", "info"),
    J.COMPLETED: Look("Completed", "good"),
    J.COMPLETED_WITH_ERRORS: Look(
        "Completed with errors", "warn", "Send the codes below to whoever runs that system; the rest is done."
    ),
    J.FAILED: Look(
        "Failed", "bad", "The other system has to send it again, or we have to repair what is named here."
    ),
    J.CANCELLED: Look("Cancelled", ""),
}
WAITS_FOR_YOU = Look("Waits for you", "warn", "Nothing happens until somebody here approves or refuses it.")
REFUSED = Look("Refused", "")
STOPPED = Look(
    "Stopped by a guard", "warn", "Its sync session says why, and waits for you or was decided about."
)


def of_session(session: SyncSession) -> Look:
    return SESSION_LOOKS[S(session.state)]


def of_job(job: Job) -> Look:
    if job.approval == Job.Approval.WAITING and not job.is_over:
        return WAITS_FOR_YOU
    if job.approval == Job.Approval.REFUSED:
        return REFUSED
    if job.state == J.FAILED and "guard" in job.result:
        return STOPPED
    return JOB_LOOKS[J(job.state)]


def lasted(began: datetime | None, ended: datetime | None) -> str:
    """ "0.4 s", "12 s", "3 min 5 s"; "" before it began."""
    if began is None:
        return ""
    seconds = ((ended or timezone.now()) - began).total_seconds()
    if seconds < 10:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s" if minutes else f"{rest} s"
