"""What outgoing webhooks say: thin events, after standardwebhooks.com. No person's data."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime
from typing import Any

from syncapp.notices import kinds
from syncapp.notices.models import Alert, Endpoint
from syncapp.notices.places import absolute

RAISED = "alert.raised"
RESOLVED = "alert.resolved"
TEST = "webhook.test"
MOST_BYTES = 20_000


def new_message_id() -> str:
    """The webhook-id: stays the same over retries, so that a receiver can leave out what it has."""
    return f"msg_{uuid.uuid4().hex}"


def of_alert(alert: Alert, type_: str) -> str:
    """{"type", "timestamp", "data": {…}} as JSON; see the README for the members of data."""
    return written(
        type_,
        {
            "id": alert.pk,
            "client": alert.account.slug,
            "kind": alert.kind,
            "kind_label": kinds.label_of(alert.kind),
            "severity": alert.severity,
            "subject": alert.subject,
            "subject_label": alert.subject_label,
            "source": alert.source or None,
            "title": alert.title,
            "url": absolute(alert.link) if alert.link else None,
            "times": alert.times,
            "first_at": moment(alert.first_at),
            "last_at": moment(alert.last_at),
            "resolved_at": moment(alert.resolved_at),
        },
    )


def of_test(endpoint: Endpoint) -> str:
    return written(TEST, {"client": endpoint.account.slug, "title": "A test: your receiver works."})


def written(type_: str, data: dict[str, Any]) -> str:
    now = moment(datetime.now(UTC))
    body = json.dumps({"type": type_, "timestamp": now, "data": data}, ensure_ascii=False)
    if len(body.encode()) > MOST_BYTES:
        raise ValueError(f"The message has more than {MOST_BYTES} bytes.")
    return body


def moment(at: datetime | None) -> str | None:
    """RFC 3339 in UTC."""
    return (
        None if at is None else at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    )
