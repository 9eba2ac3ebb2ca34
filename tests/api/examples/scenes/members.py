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
    single(recorder)
    several(recorder)
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


def single(recorder: Recorder) -> None:
    call, path = recorder.call, "/audiences/vip-2024/members"
    recorder.send("PUT", "/contacts/c-11", {"email": "noor@example.nl"})
    call("Added", "PUT", f"{path}/c-11")
    call("With its time", "PUT", f"{path}/c-11", {"occurred_at": "2026-01-31T11:45:00Z"})
    call("Held", "PUT", f"{path}/c-12", {"unknown_contacts": "hold"})
    call("Unknown", "PUT", f"{path}/c-404")
    call("A member", "GET", f"{path}/c-11")
    call("Removed", "DELETE", f"{path}/c-11")
    call("No member", "GET", f"{path}/c-11")
    call("What happened", "GET", f"{path}/c-11/history")
    call("Who is held", "GET", "/audiences/vip-2024/held")


def several(recorder: Recorder) -> None:
    recorder.send("PUT", "/audiences/prospects", {"name": "Prospects"})
    recorder.call(
        "From one to another",
        "POST",
        "/membership-changes",
        {
            "operations": [
                {"audience": "prospects", "op": "add", "id": "c-1"},
                {"audience": "vip-2024", "op": "remove", "id": "c-1"},
            ]
        },
    )
    recorder.call(
        "Some failed",
        "POST",
        "/membership-changes",
        {
            "operations": [
                {"audience": "prospects", "op": "add", "id": "c-2"},
                {"audience": "gone", "op": "remove", "id": "c-1"},
            ]
        },
    )
    recorder.call("Their audiences", "GET", "/contacts/c-1/audiences")


def pages(recorder: Recorder) -> None:
    recorder.call("A page", "GET", "/audiences/vip-2024/members?limit=2")
    recorder.call("Ids only", "GET", "/audiences/vip-2024/members?fields=contact&sort=added_at")
