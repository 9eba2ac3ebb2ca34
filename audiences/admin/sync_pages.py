"""Sync sessions: what a system sent to replace or change an audience, and the guard that stopped it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

from django.contrib import admin
from django.db import transaction
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import ChoicesDropdownFilter

from audiences import syncs
from audiences.admin import looks
from audiences.admin.audience_columns import pairs
from audiences.admin.records import RecordAdmin, failures_of
from audiences.models import Job, JobError, SyncChunk, SyncSession
from audiences.uses import uses_of
from syncapp.accounts.models import User
from syncapp.admin.templatetags.shell import ago

ERRORS_SHOWN = 20
CHUNKS_SHOWN = 50
# As the summary of a batch: what came of each item, in the order in which it is read.
OUTCOMES = {
    "added": ("joined", "good"),
    "already_member": ("were members already", ""),
    "removed": ("left", "warn"),
    "not_member": ("were no members anyway", ""),
    "held": ("held until known", ""),
    "superseded": ("sent twice", ""),
    "stale": ("older than what is known", ""),
    "failed": ("failed", "bad"),
    "not_applied": ("not applied", ""),
}
WHY_BLOCKED = {
    "max_removed_percent": "{percent} % of the members would leave; the system’s limit is {limit} %.",
    "max_removed": "{would_remove} members would leave; the system’s limit is {limit}.",
    "min_total": "The new list has too few people: {total}, at least {limit} were expected.",
    "max_failed_percent": "{failed_percent} % of the items failed; the system’s limit is {limit} %.",
    "approval_required": "This client wants a person’s approval before a whole audience is replaced.",
    "empty": "The new list is empty. A source that broke looks exactly like this.",
}


@dataclass(frozen=True, slots=True)
class Term:
    """One summand of what was received."""

    words: str
    items: int
    tone: str


@admin.register(SyncSession)
class SyncSessionAdmin(RecordAdmin):
    page_template = "audiences/sync.html"
    live_template = "audiences/sync_part.html"
    list_display = ("what", "state_words", "system", "result", "failed_words", "created", "took")
    list_filter = (("state", ChoicesDropdownFilter), ("mode", ChoicesDropdownFilter))
    list_select_related = ("audience", "key")
    search_fields = ("audience__name", "external_run_id")
    search_help_text = "Audience, or the run’s id in the other system"
    ordering = ("-id",)
    sortable_by = ()
    empty_state = {
        "icon": "sync",
        "title": "No sync sessions yet",
        "next": "A system opens one to replace a whole audience, or to change many people so that it shows at once.",
    }

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("audience", "key", "job", "confirmed_by")

    @admin.display(description="Sync")
    def what(self, session: SyncSession) -> SafeString:
        return format_html(
            '<a class="link strong" href="{}">{}</a><div class="aud-sub">{}</div>',
            self.address(session),
            session.audience.name,
            "Replaces all members" if session.mode == SyncSession.Mode.REPLACE else "Changes members",
        )

    @admin.display(description="State")
    def state_words(self, session: SyncSession) -> SafeString:
        return format_html('{}<div class="aud-sub">{}</div>', looks.of_session(session).badge, session.reason)

    @admin.display(description="System")
    def system(self, session: SyncSession) -> str:
        return session.key.label if session.key is not None else "–"

    @admin.display(description="Result")
    def result(self, session: SyncSession) -> SafeString | str:
        if session.guard is not None and session.state == SyncSession.State.BLOCKED:
            planned = pairs(session.guard.get("would_add") or 0, session.guard.get("would_remove") or 0)
            return format_html('{}<div class="aud-sub">{}</div>', planned, "would happen")
        counters = session.counters
        return pairs(counters.get("added", 0), counters.get("removed", 0)) if counters else "–"

    @admin.display(description="Failed")
    def failed_words(self, session: SyncSession) -> SafeString | str:
        failed = session.counters.get("failed", 0)
        return (
            format_html('<a class="aud-failed" href="{}">{}</a>', self.address(session), f"{failed:,}")
            if failed
            else "–"
        )

    @admin.display(description="Opened")
    def created(self, session: SyncSession) -> str:
        return ago(session.created_at)

    @admin.display(description="Took")
    def took(self, session: SyncSession) -> str:
        return took(session) or "–"

    def shown(self, session: SyncSession) -> dict[str, Any]:
        job, state = session.job, SyncSession.State(session.state)
        chunks = SyncChunk.objects.of(session.account_id).filter(session=session).order_by("number")
        found = list(chunks[: CHUNKS_SHOWN + 1])
        errors = JobError.objects.of(session.account_id).filter(job_id=session.job_id).order_by("number")
        terms = terms_of(session)
        return {
            "session": session,
            "audience": session.audience,
            "job": job,
            "look": looks.of_session(session),
            "waits": state == SyncSession.State.BLOCKED,
            "may_stop": state
            in (SyncSession.State.OPEN, SyncSession.State.READY, SyncSession.State.VALIDATING),
            "is_live": state in SyncSession.LIVE and state != SyncSession.State.BLOCKED,
            "percent": progress_of(session, job),
            "took": took(session),
            "terms": terms,
            "left": session.counters.get("removed", 0) if is_replace(session) else 0,
            "confirmable": (session.guard or {}).get("confirmable", True),
            "received": session.counters.get("received", 0),
            "adds_up": sum(term.items for term in terms) == session.counters.get("received", 0),
            "failures": failures_of(job.error_summary if job is not None else []),
            "errors": list(errors[:ERRORS_SHOWN]) if session.job_id is not None else [],
            "chunks": found[:CHUNKS_SHOWN],
            "more_chunks": len(found) > CHUNKS_SHOWN,
            "staged": sum(chunk.items for chunk in found),
            "guard": session.guard or {},
            "why_blocked": why_blocked(session),
            "uses": uses_of(session.audience) if state == SyncSession.State.BLOCKED else [],
            "live_url": reverse("admin:audiences_syncsession_live", args=[session.pk]),
        }

    def decide(self, request: HttpRequest, row: SyncSession, decision: str, reason: str) -> str:
        user = cast(User, request.user)
        if decision == "approve":
            approve(row, user, reason)
            return "Approved: it is applied now, all at once."
        syncs.refuse(row, user, reason)
        return "Refused: nothing was changed. The system is told when it asks."

    def cancel(self, request: HttpRequest, row: SyncSession) -> str:
        syncs.cancel(row.account_id, row.pk, f"Cancelled by {request.user}.")
        return "Cancelled: nothing was changed."


@transaction.atomic
def approve(session: SyncSession, user: User, reason: str) -> None:
    """Let it pass; who decided, and why, is kept with the job that applies it."""
    syncs.confirm(session, user)
    Job.objects.of(session.account_id).filter(pk=session.job_id).update(
        approval=Job.Approval.APPROVED,
        decided_by=user,
        decided_at=timezone.now(),
        decision_reason=reason,
    )


def terms_of(session: SyncSession) -> list[Term]:
    """The summands of `received`. Whom a replace takes out were not sent: they are no part of it."""
    return [
        Term(words, session.counters[key], tone)
        for key, (words, tone) in OUTCOMES.items()
        if session.counters.get(key) and not (key == "removed" and is_replace(session))
    ]


def is_replace(session: SyncSession) -> bool:
    return session.mode == SyncSession.Mode.REPLACE


def took(session: SyncSession) -> str:
    """From the commit on; a session that waits for a person does nothing meanwhile."""
    if session.state == SyncSession.State.BLOCKED:
        return ""
    return looks.lasted(session.committed_at, session.finished_at)


def progress_of(session: SyncSession, job: Any) -> int:
    if job is not None and job.total:
        return int(min(100, round(100 * job.processed / job.total)))
    return 100 if session.finished_at is not None else 0


def why_blocked(session: SyncSession) -> list[str]:
    """Each guard that stopped it, in words with its figures."""
    guard = session.guard or {}
    figures = {
        "percent": guard.get("percent", "?"),
        "failed_percent": guard.get("failed_percent", "?"),
        "would_remove": f"{guard.get('would_remove') or 0:,}",
        "total": f"{guard.get('total', session.counters.get('received', 0)):,}",
    }
    return [
        WHY_BLOCKED.get(name, name.replace("_", " ")).format(limit=session.guards.get(name, "?"), **figures)
        for name in guard.get("tripped", [])
    ]
