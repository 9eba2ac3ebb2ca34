"""What the page on webhooks shows: a message of each type, and a signature to test one's own code with."""

from __future__ import annotations

import json
from typing import Any

from syncapp.notices import events

# By the scheme of Standard Webhooks, computed independently of our own code.
VECTOR = {
    "secret": "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3",
    "id": "msg_test_1",
    "timestamp": "1700000000",
    "body": '{"type":"sync.completed"}',
    "signature": "v1,0PLwDcEMJltxPezD75noPVy/XqQPya4swKgDMPj+gAs=",
}
SENT_AT = "2026-07-01T12:00:00.000Z"


def context() -> dict[str, Any]:
    shown = [
        {
            "key": event.key,
            "label": event.label,
            "message": json.dumps(
                {"type": event.key, "timestamp": SENT_AT, "data": event.example}, indent=2, ensure_ascii=False
            ),
        }
        for event in events.known()
    ]
    return {"events": shown, "vector": VECTOR}
