"""What the page of one audience shows. Runs in the scope of the audience's account."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote

from django.db.models import Q
from django.http import HttpRequest
from django.urls import reverse

from audiences.admin import folders, looks, member_history, members, sizechart, whynot
from audiences.admin.audience_columns import ICONS, last_sync_words, star_of, synced_moment
from audiences.admin.curl import push_command
from audiences.models import Audience, Job, SyncSession, push_settings
from audiences.uses import uses_of
from syncapp.accounts.models import ApiKey
from syncapp.api.models import ApiCall

SYNCS_SHOWN = 8
FAILURES_LOOKED_AT, FAILURES_SHOWN = 500, 5
CALLS = f"admin:{ApiCall._meta.app_label}_apicall_changelist"
MEMBERS, HELD = "members", "held"
WAS = {"received": "received", "added": "joined", "removed": "left"}
WOULD_BE = {"received": "received", "added": "would join", "removed": "would leave"}


@dataclass(frozen=True, slots=True)
class Sync:
    """A sync session, or a job that is of none."""

    at: datetime
    what: str
    look: looks.Look
    url: str
    system: str
    counts: list[tuple[str, int]]
    failed: int
    reason: str


def context_of(request: HttpRequest, audience: Audience) -> dict[str, Any]:
    view = HELD if members.given(request.GET, "view") == HELD else MEMBERS
    span = sizechart.span_of(request.GET.get("days", ""))
    uses = uses_of(audience)
    return {
        "view": view,
        "members": members.page_of(audience, request.GET) if view == MEMBERS else None,
        "held": members.held_of(audience, request.GET) if view == HELD else None,
        "reach": whynot.of_audience(audience),
        "uses": uses,
        "blocking_uses": sum(use.blocks_delete for use in uses),
        "last_sync": last_sync_words(audience),
        "last_sync_at": synced_moment(audience),
        "icon": ICONS[Audience.Kind(audience.kind)],
        "made_by": made_by(audience),
        "chart": sizechart.chart_of(audience, span),
        "span": span,
        "spans": sizechart.SPANS,
        "syncs": syncs_of(audience),
        "failed_calls": failed_calls(audience),
        "call_page": CALLS.replace("changelist", "change"),
        "calls_url": f"{reverse(CALLS)}?answer=failed",
        "changes": member_history.latest_changes(audience),
        "restore_days": push_settings(audience.account_id).restore_days,
        "folder_names": folders.names_of(Audience.objects.of(audience.account_id).filter(deleted_at=None)),
        "push_command": push_command(request, audience),
        "keys_url": reverse("admin:accounts_apikey_changelist"),
    }


def star(audience: Audience, may_change: bool) -> Any:
    return star_of(audience, may_change=may_change)


def made_by(audience: Audience) -> str:
    """The key that made it; "" where a person did, or the key is not known any more."""
    if not audience.source_client:
        return ""
    keys = ApiKey.objects.of(audience.account_id).filter(prefix=audience.source_client)
    return str(keys.values_list("label", flat=True).first() or f"key {audience.source_client}")


def syncs_of(audience: Audience) -> list[Sync]:
    """The latest sessions and jobs, newest first; a session's own job is not listed twice."""
    sessions = SyncSession.objects.of(audience.account_id).filter(audience=audience).select_related("key")
    of_session = Q(kind__in=[Job.Kind.AUDIENCE_REPLACE, Job.Kind.AUDIENCE_DELTA])
    jobs = (
        Job.objects.of(audience.account_id)
        .filter(audience=audience)
        .exclude(of_session)
        .select_related("key")
    )
    found = [from_session(one) for one in sessions.order_by("-pk")[:SYNCS_SHOWN]]
    found += [from_job(one) for one in jobs.order_by("-pk")[:SYNCS_SHOWN]]
    return sorted(found, key=lambda one: one.at, reverse=True)[:SYNCS_SHOWN]


def failed_calls(audience: Audience) -> list[ApiCall]:
    """The latest calls about this audience with something in them that failed, among the newest failures of all."""
    calls = ApiCall.objects.of(audience.account_id).defer("sealed").select_related("key")
    failures = calls.filter(Q(status__gte=400) | Q(failed_items__gt=0)).order_by("-id")[:FAILURES_LOOKED_AT]
    begins = f"/api/v1/audiences/{quote(audience.external_id, safe='')}/"
    return [call for call in failures if call.path.startswith(begins)][:FAILURES_SHOWN]


def from_session(session: SyncSession) -> Sync:
    counters = session.counters
    words = WOULD_BE if session.state == SyncSession.State.BLOCKED else WAS
    return Sync(
        at=session.created_at,
        what="Replace" if session.mode == SyncSession.Mode.REPLACE else "Change",
        look=looks.of_session(session),
        url=reverse("admin:audiences_syncsession_change", args=[session.pk]),
        system=session.key.label if session.key is not None else "",
        counts=[(word, counters[key]) for key, word in words.items() if counters.get(key)],
        failed=counters.get("failed", 0),
        reason=session.reason,
    )


def from_job(job: Job) -> Sync:
    return Sync(
        at=job.created_at,
        what=job.get_kind_display(),
        look=looks.of_job(job),
        url=reverse("admin:audiences_job_change", args=[job.pk]),
        system=job.key.label if job.key is not None else "",
        counts=[("done", job.succeeded)] if job.succeeded else [],
        failed=job.failed,
        reason=job.reason,
    )
