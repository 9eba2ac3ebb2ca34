"""Jobs of the API: what systems asked for, how far it is, what failed, and what waits for a person."""

from __future__ import annotations

from typing import Any, cast

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import ChoicesDropdownFilter

from audiences import jobs, syncs
from audiences.admin import looks
from audiences.admin.records import RecordAdmin, failed_link, failures_of
from audiences.models import Job, JobError, Profile, SyncSession
from audiences.uses import Use, uses_of
from syncapp.accounts.models import User
from syncapp.admin.templatetags.shell import ago

ERRORS_SHOWN = 20
WHAT_HAPPENS = {
    Job.Kind.AUDIENCE_DELETE: "The audience would be deleted. Its members leave it; for some days it can be restored.",
    Job.Kind.AUDIENCE_EMPTY: "Every member would leave the audience. This cannot be taken back.",
    Job.Kind.AUDIENCE_REPLACE: "Members who are not in the new list would leave the audience.",
    Job.Kind.CONTACT_DELETE: "The person and what is known of them would be deleted.",
    Job.Kind.CONTACT_ERASE: "The person would be erased for good, and could never be added again.",
}


@admin.register(Job)
class JobAdmin(RecordAdmin):
    """The page tells; deciding and cancelling are the engine's."""

    page_template = "audiences/job.html"
    live_template = "audiences/job_part.html"
    list_display = ("what", "state_words", "system", "progress", "failed_words", "created", "took")
    list_filter = (
        ("state", ChoicesDropdownFilter),
        ("approval", ChoicesDropdownFilter),
        ("kind", ChoicesDropdownFilter),
    )
    list_select_related = ("audience", "key")
    search_fields = ("audience__name", "reason")
    search_help_text = "Audience or reason"
    ordering = ("-id",)
    sortable_by = ()
    empty_state = {
        "icon": "list_alt",
        "title": "No jobs yet",
        "next": "Calls that take longer than an answer become jobs: imports, erasures, and what waits for approval.",
    }

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("audience", "key", "decided_by")

    @admin.display(description="Job")
    def what(self, job: Job) -> SafeString:
        whose = f"“{job.audience.name}”" if job.audience is not None else ""
        return format_html(
            '<a class="link strong" href="{}">{}</a><div class="aud-sub">{}</div>',
            self.address(job),
            job.get_kind_display(),
            whose,
        )

    @admin.display(description="State")
    def state_words(self, job: Job) -> SafeString:
        return format_html('{}<div class="aud-sub">{}</div>', looks.of_job(job).badge, job.reason)

    @admin.display(description="System")
    def system(self, job: Job) -> str:
        return job.key.label if job.key is not None else "–"

    @admin.display(description="Done")
    def progress(self, job: Job) -> str:
        return f"{job.processed:,} of {job.total:,}" if job.total is not None else f"{job.processed:,}"

    @admin.display(description="Failed")
    def failed_words(self, job: Job) -> SafeString | str:
        return failed_link(job.failed, self.address(job))

    @admin.display(description="Asked")
    def created(self, job: Job) -> str:
        return ago(job.created_at)

    @admin.display(description="Took")
    def took(self, job: Job) -> str:
        return looks.lasted(job.started_at, job.finished_at) or "–"

    def shown(self, job: Job) -> dict[str, Any]:
        waits = job.approval == Job.Approval.WAITING and not job.is_over
        return {
            "job": job,
            "look": looks.of_job(job),
            "waits": waits,
            "is_live": not job.is_over and not waits,
            "percent": percent(job),
            "took": looks.lasted(job.started_at, job.finished_at),
            "adds_up": job.succeeded + job.failed + job.skipped == job.processed,
            "failures": failures_of(job.error_summary),
            "errors": list(
                JobError.objects.of(job.account_id).filter(job=job).order_by("number")[:ERRORS_SHOWN]
            ),
            "what_happens": WHAT_HAPPENS.get(Job.Kind(job.kind), "") if waits else "",
            "uses": uses_at_stake(job) if waits else [],
            "person": person_of(job),
            "waits_for": job.result.get("waits_for", []) if not job.is_over else [],
            "by_hand": str(job.params.get("source", "")).removeprefix("admin:") if job.key is None else "",
            "session": SyncSession.objects.of(job.account_id).filter(pk=session_of(job)).first(),
            "live_url": reverse("admin:audiences_job_live", args=[job.pk]),
        }

    def decide(self, request: HttpRequest, row: Job, decision: str, reason: str) -> str:
        user = cast(User, request.user)
        if decision == "approve":
            jobs.approve(row, user, reason)
            return "Approved: it is carried out now."
        jobs.refuse(row, user, reason)
        return "Refused: nothing was changed. The system is told when it asks."

    def cancel(self, request: HttpRequest, row: Job) -> str:
        session = SyncSession.objects.of(row.account_id).filter(pk=session_of(row)).first()
        if session is not None:
            syncs.cancel(row.account_id, session.pk, f"Cancelled by {request.user}.")
            return "Cancelled: nothing was changed."
        jobs.cancel(row, reason=f"Cancelled by {request.user}.")
        return "It stops at the next border; what was done until then stays done."


def person_of(job: Job) -> Profile | None:
    """Whom it would delete or erase; nobody once they are gone."""
    rows = Profile.objects.of(job.account_id).filter(forgotten_at=None)
    found: Profile | None = rows.filter(pk=job.params.get("profile_id")).first()
    return found


def uses_at_stake(job: Job) -> list[Use]:
    return uses_of(job.audience) if job.audience is not None else []


def session_of(job: Job) -> int | None:
    """The id of the sync session that this job carries out."""
    found = job.params.get("sync") if isinstance(job.params, dict) else None
    return found if isinstance(found, int) else None


def percent(job: Job) -> int:
    """Of the total, where it is known."""
    return min(100, round(100 * job.processed / job.total)) if job.total else (100 if job.is_over else 0)
