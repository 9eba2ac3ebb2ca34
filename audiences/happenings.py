"""What outgoing webhooks tell of audiences and people: one function per event.

Called inside the transaction that caused it, so that a rollback (and validate_only) tells nothing. Messages are thin:
they say what changed and how much, the API says the rest. The only thing of a person in them is the caller's own id
of somebody erased, which receivers need to erase them, too.
"""

from __future__ import annotations

from typing import Any

from audiences.models import Audience, Job, SyncSession
from syncapp.notices.events import is_heard_sql, publish, register_event

MEMBERSHIP_IS_HEARD = is_heard_sql("membership.changed")
MERGED_S = 10.0  # a stream of small changes is one message each ten seconds

AUDIENCE = {"id": "aud_17", "external_id": "vip-2024", "name": "VIP 2024"}
_SYNC = {
    "id": "sync_9",
    "mode": "replace",
    "state": "completed",
    "audience": AUDIENCE,
    "external_run_id": "night-1",
}
_COUNTERS = {"received": 118234, "added": 310, "removed": 12, "failed": 0}
_GUARD = {"tripped": ["max_removed_percent"], "would_add": 3, "would_remove": 9000, "percent": 59.1}

register_event("audience.created", "An audience was created", {"audience": AUDIENCE, "version": 1})
register_event("audience.updated", "An audience’s properties changed", {"audience": AUDIENCE, "version": 2})
register_event("audience.deleted", "An audience was deleted", {"audience": AUDIENCE, "version": 3})
register_event("audience.restored", "A deleted audience came back", {"audience": AUDIENCE, "version": 4})
register_event(
    "audience.emptied", "An audience was emptied", {"audience": AUDIENCE, "version": 5, "removed": 15234}
)
register_event(
    "membership.changed",
    "People joined or left an audience",
    {"audience": AUDIENCE, "version": 43, "added": 120, "removed": 4},
)
register_event("sync.completed", "A sync session was applied", {**_SYNC, "counters": _COUNTERS})
register_event(
    "sync.failed", "A sync session failed", {**_SYNC, "state": "failed", "reason": "It took too long."}
)
register_event(
    "sync.blocked", "A guard stopped a sync session", {**_SYNC, "state": "blocked_by_guard", "guard": _GUARD}
)
register_event(
    "job.finished",
    "A job ended",
    {"id": "job_12", "kind": "contacts_import", "state": "completed", "audience": None, "reason": ""},
)
register_event(
    "consent.changed", "People gave or withdrew a consent", {"objective": "newsletter", "count": 25}
)
register_event("contact.erased", "A person was erased", {"external_id": "c-1"})


def audience_created(audience: Audience) -> None:
    _publish_audience("audience.created", audience)


def audience_updated(audience: Audience) -> None:
    """Its properties: name, state, tags and so on. Members coming and going are `membership_changed`."""
    _publish_audience("audience.updated", audience)


def audience_deleted(audience: Audience) -> None:
    _publish_audience("audience.deleted", audience)


def audience_restored(audience: Audience) -> None:
    _publish_audience("audience.restored", audience)


def audience_emptied(audience: Audience, removed: int) -> None:
    _publish_audience("audience.emptied", audience, removed=removed)


def membership_changed(account_id: int, audience: Audience, added: int, removed: int, version: int) -> None:
    """`added` and `removed` count people. Nothing is told where both are 0."""
    if added == 0 and removed == 0:
        return
    publish(
        account_id=account_id,
        type="membership.changed",
        data={"audience": to_reference(audience), "version": version, "added": added, "removed": removed},
        merge_key=f"aud_{audience.pk}",
        merge_s=MERGED_S,
        sums=("added", "removed"),
    )


def sync_completed(session: SyncSession) -> None:
    """Also completed with errors: `state` tells."""
    _publish_sync("sync.completed", session, counters=session.counters)


def sync_failed(session: SyncSession) -> None:
    _publish_sync("sync.failed", session, reason=session.reason)


def sync_blocked(session: SyncSession) -> None:
    """A person or the caller has to confirm. The confirm token is not told."""
    guard = {name: value for name, value in (session.guard or {}).items() if name != "confirm_token"}
    _publish_sync("sync.blocked", session, guard=guard)


def job_finished(job: Job) -> None:
    publish(
        account_id=job.account_id,
        type="job.finished",
        data={
            "id": f"job_{job.pk}",
            "kind": job.kind,
            "state": job.state,
            "audience": None if job.audience is None else to_reference(job.audience),
            "reason": job.reason,
        },
    )


def consent_changed(account_id: int, count: int, objective: str) -> None:
    """`count`: answers that were new. Nothing is told for 0."""
    if count == 0:
        return
    publish(
        account_id=account_id,
        type="consent.changed",
        data={"objective": objective, "count": count},
        merge_key=objective,
        merge_s=MERGED_S,
        sums=("count",),
    )


def contact_erased(account_id: int, external_id: str | None) -> None:
    publish(account_id=account_id, type="contact.erased", data={"external_id": external_id})


def to_reference(audience: Audience) -> dict[str, Any]:
    return {"id": f"aud_{audience.pk}", "external_id": audience.external_id, "name": audience.name}


def _publish_audience(type: str, audience: Audience, **more: Any) -> None:
    data = {"audience": to_reference(audience), "version": audience.version, **more}
    publish(account_id=audience.account_id, type=type, data=data)


def _publish_sync(type: str, session: SyncSession, **more: Any) -> None:
    data = {
        "id": f"sync_{session.pk}",
        "mode": session.mode,
        "state": session.state,
        "audience": to_reference(session.audience),
        "external_run_id": session.external_run_id,
        **more,
    }
    publish(account_id=session.account_id, type=type, data=data)
