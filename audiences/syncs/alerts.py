"""What staff are told of sessions."""

from __future__ import annotations

from audiences.jobs.alerts import APPROVAL_WANTED
from audiences.models import SyncSession
from audiences.syncs.guards import APPROVAL
from syncapp.notices import raise_alert, register_kind, resolve_alert

SYNC_BLOCKED = "sync_blocked"
register_kind(
    SYNC_BLOCKED,
    "A guard stopped a replace",
    default_on=True,
    help="It would take more people out of an audience than its limits allow.",
)


def tell_blocked(session: SyncSession) -> None:
    guard = session.guard or {}
    waits = APPROVAL in guard.get("tripped", [])
    would = f"{guard.get('would_add', 0)} would join and {guard.get('would_remove', 0)} leave"
    raise_alert(
        account_id=session.account_id,
        kind=APPROVAL_WANTED if waits else SYNC_BLOCKED,
        subject=subject_of(session),
        subject_label=session.audience.name,
        url=f"/admin/audiences/syncsession/{session.pk}/change/",
        title=f"{'Approve or refuse' if waits else 'A guard stopped'}: the replace of “{session.audience.name}”",
        words=f"{would}, of {guard.get('members', 0)} members. Look at it, then approve or refuse.",
        severity="warning",
    )


def tell_over(session: SyncSession) -> None:
    for kind in (APPROVAL_WANTED, SYNC_BLOCKED):
        resolve_alert(account_id=session.account_id, kind=kind, subject=subject_of(session))


def subject_of(session: SyncSession) -> str:
    return f"sync:{session.pk}"
