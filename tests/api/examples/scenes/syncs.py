"""Sync sessions: a replace from the opening to the job's end, guards, resuming, what is refused."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from audiences.models import SyncSession
from syncapp.accounts import scope
from tests.api.examples.recording import Recorder

SYNCS = "/audiences/vip-2024/syncs"
AT = "2026-01-31T03:00:00Z"
REPLACE = {"mode": "replace", "snapshot_at": AT, "external_run_id": "night-31"}


def record(recorder: Recorder) -> None:
    people = [{"external_id": f"c-{n}", "email": f"c{n}@example.nl"} for n in range(1, 7)]
    recorder.send("PUT", "/audiences/vip-2024", {"name": "VIP 2024", "unknown_contacts": "create"})
    adds = [{"op": "add", "contact": one, "occurred_at": "2026-01-30T12:00:00Z"} for one in people]
    recorder.send("POST", "/audiences/vip-2024/members/batch", {"operations": adds})
    replace(recorder)
    refuse(recorder)
    guard(recorder)
    leave(recorder)


def replace(recorder: Recorder) -> None:
    call = recorder.call
    session = call("A replace", "POST", SYNCS, REPLACE).json()["id"]
    call("The same run", "POST", SYNCS, REPLACE)
    call("Another one is open", "POST", SYNCS, {"mode": "replace", "snapshot_at": AT})
    chunks = f"/syncs/{session}/chunks"
    call("Members", "PUT", f"{chunks}/1", {"members": ["c-1", "c-2", "c-3"]})
    call("Sent again", "PUT", f"{chunks}/1", {"members": ["c-1", "c-2", "c-3"]})
    call("Other content", "PUT", f"{chunks}/1", {"members": ["c-1"]})
    lines = '"c-4"\n{"external_id": "c-5", "email": "c5@example.nl"}\n'
    call("Lines", "PUT", f"{chunks}/3", lines, CONTENT_TYPE="application/x-ndjson")
    call("Damaged", "PUT", f"{chunks}/4", {"members": []}, CONTENT_DIGEST=f"sha-256=:{'A' * 43}=:")
    call("What came", "GET", chunks)
    call("One is missing", "POST", f"/syncs/{session}/commit", {"chunks": 3, "total": 6})
    call("Rows", "PUT", f"{chunks}/2", "external_id,email\nc-6,c6@example.nl\n", CONTENT_TYPE="text/csv")
    call("Another total", "POST", f"/syncs/{session}/commit", {"chunks": 3, "total": 60})
    call("Committed", "POST", f"/syncs/{session}/commit", {"chunks": 3, "total": 6})
    recorder.work()
    call("Completed", "GET", f"/syncs/{session}")
    call("Too late", "PUT", f"{chunks}/5", {"members": ["c-9"]})


def refuse(recorder: Recorder) -> None:
    recorder.call("No such session", "GET", "/syncs/sync_404")
    opened = recorder.send("POST", SYNCS, {"mode": "delta", "snapshot_at": AT}).json()["id"]
    recorder.call("Cancelled", "POST", f"/syncs/{opened}/cancel")
    opened = recorder.send("POST", SYNCS, {"mode": "delta", "snapshot_at": AT}).json()["id"]
    with scope.account(recorder.account):
        rows = SyncSession.objects.filter(pk=int(opened.removeprefix("sync_")))
        rows.update(expires_at=timezone.now() - timedelta(hours=1))
    body = {"operations": [{"op": "remove", "id": "c-1"}]}
    recorder.call("Expired", "PUT", f"/syncs/{opened}/chunks/1", body)


def guard(recorder: Recorder) -> None:
    """A feed that broke off."""
    call = recorder.call
    session = recorder.send("POST", SYNCS, {**REPLACE, "external_run_id": "night-32"}).json()["id"]
    recorder.send("PUT", f"/syncs/{session}/chunks/1", {"members": ["c-1"]})
    commit = f"/syncs/{session}/commit"
    recorder.send("POST", commit, {"chunks": 1, "total": 1})
    recorder.work()
    blocked = call("Blocked by a guard", "GET", f"/syncs/{session}").json()
    call("Without the token", "POST", commit, {"chunks": 1, "total": 1})
    token = blocked["guard"]["confirm_token"]
    call("Confirmed", "POST", commit, {"chunks": 1, "total": 1, "confirm_token": token})
    recorder.work()


def leave(recorder: Recorder) -> None:
    recorder.call("A page", "GET", f"{SYNCS}?limit=1")
