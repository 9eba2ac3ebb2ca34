"""On the dashboard: calls that wait for approval, and sync sessions that a guard stopped."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.http import HttpRequest
from django.urls import reverse

from audiences.admin import looks
from audiences.models import Job, SyncSession
from syncapp.accounts import access
from syncapp.admin.dashboard import Panel, panel

SHOWN = 6


@dataclass(frozen=True, slots=True)
class Waiting:
    """Something that goes on only when somebody decides; `figures` say what is at stake."""

    what: str
    system: str
    client: Any
    figures: str
    at: datetime
    url: str


@panel(5)
def waits_for_you(request: HttpRequest) -> Panel | None:
    """Left out when nothing waits. Both kinds are found by an index of what waits."""
    sessions = SyncSession.objects.filter(looks.WAITING_SESSION).select_related("audience", "key", "account")
    jobs = Job.objects.filter(looks.WAITING_JOB).select_related("audience", "key", "account")
    found = [of_session(one) for one in sessions.order_by("-pk")[: SHOWN + 1]]
    found += [of_job(one) for one in jobs.order_by("-pk")[: SHOWN + 1]]
    if not found:
        return None
    newest = sorted(found, key=lambda one: one.at, reverse=True)
    return Panel(
        title="Waits for you",
        template="audiences/dashboard_waiting.html",
        context={
            "waiting": newest[:SHOWN],
            "more": len(newest) > SHOWN,
            "several": access.of(request).selected is None,
        },
        url=f"{reverse('admin:audiences_syncsession_changelist')}?state__exact={SyncSession.State.BLOCKED}",
        url_words="Stopped syncs",
    )


def of_session(session: SyncSession) -> Waiting:
    guard = session.guard or {}
    return Waiting(
        what=f"Replace “{session.audience.name}”"
        if session.mode == SyncSession.Mode.REPLACE
        else f"Change “{session.audience.name}”",
        system=session.key.label if session.key is not None else "",
        client=session.account,
        figures=f"+{guard.get('would_add') or 0:,} −{guard.get('would_remove') or 0:,}",
        at=session.committed_at or session.created_at,
        url=reverse("admin:audiences_syncsession_change", args=[session.pk]),
    )


def of_job(job: Job) -> Waiting:
    whose = f" “{job.audience.name}”" if job.audience is not None else ""
    return Waiting(
        what=f"{job.get_kind_display()}{whose}",
        system=job.key.label if job.key is not None else "",
        client=job.account,
        figures=f"{job.audience.member_count:,} members" if job.audience is not None else "",
        at=job.created_at,
        url=reverse("admin:audiences_job_change", args=[job.pk]),
    )
