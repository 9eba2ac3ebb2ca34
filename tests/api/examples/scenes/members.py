"""Members: batches in both forms, what can be wrong with an item, pages."""

from __future__ import annotations

from tests.api.examples.recording import Recorder

BATCH = "/audiences/vip-2024/members/batch"
MIXED = {
    "unknown_contacts": "hold",
    "operations": [
        {"op": "add", "id": "c-1", "occurred_at": "2026-01-31T11:30:00Z"},
        {"op": "add", "contact": {"external_id": "c-7", "email": "jan@example.nl"}},
        {"op": "remove", "id": "c-9"},
        {"op": "add", "contact": {"email": "not-an-address"}},
    ],
}


def record(recorder: Recorder) -> None:
    furnish(recorder)
    batches(recorder)
    refused_batches(recorder)
    pages(recorder)


def furnish(recorder: Recorder) -> None:
    send = recorder.send
    send("PUT", "/audiences/vip-2024", {"name": "VIP 2024"})
    people = [{"external_id": f"c-{n}", "email": f"c{n}@example.nl"} for n in (1, 2, 9)]
    operations = [{"op": "add", "contact": person} for person in people]
    send("POST", BATCH, {"unknown_contacts": "create", "operations": operations})
    send("POST", BATCH, {"remove": ["c-1"]})


def batches(recorder: Recorder) -> None:
    call = recorder.call
    call("Short form", "POST", BATCH, {"add": ["c-1", "c-2"], "remove": ["c-9"]})
    call("Some failed", "POST", BATCH, MIXED)
    call("Would it work", "POST", BATCH, {"add": ["c-2", "c-404"], "validate_only": True})
    call(
        "With data and consent",
        "POST",
        BATCH + "?verbose=true",
        {
            "unknown_contacts": "create",
            "operations": [{"op": "add", "contact": {"external_id": "c-3", "email": "fleur@example.nl"}}],
        },
        IDEMPOTENCY_KEY='"3f9a5b1c-7d2e"',
    )


def refused_batches(recorder: Recorder) -> None:
    call = recorder.call
    call("All or nothing", "POST", BATCH, {"add": ["c-2", "c-404"], "atomic": True})
    call("Nothing to do", "POST", BATCH, {"operations": []})
    call("Key used", "POST", BATCH, {"add": ["c-2"]}, IDEMPOTENCY_KEY='"3f9a5b1c-7d2e"')
    call("From the future", "POST", BATCH, {"add": ["c-2"], "emitted_at": "2199-01-01T00:00:00Z"})
    recorder.call_with_many("Too many items", "POST", BATCH, {"add": [f"c-{n}" for n in range(10_001)]})


def pages(recorder: Recorder) -> None:
    recorder.call("A page", "GET", "/audiences/vip-2024/members?limit=2")
    recorder.call("Ids only", "GET", "/audiences/vip-2024/members?fields=contact&sort=added_at")
