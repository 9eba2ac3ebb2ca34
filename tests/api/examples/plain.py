"""Makes recorded calls the same on every run: numbers, times and secrets become fixed ones, in order of appearance."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
HOUR_S = 3600
FIRST = {"aud": 17, "job": 12, "sync": 9}
NUMBERED = re.compile(r"\b(aud|job|sync)_(\d+)\b")
REQUEST = re.compile(r"\breq_[0-9a-f]{24}\b")
TIME = re.compile(r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)")
UUID = re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b")
MESSAGE = re.compile(r"\bmsg_[0-9a-f]{32}\b")
DELIVERY = re.compile(r"(?<=/deliveries/)\d+\b")
WAIT = re.compile(r"\bWait \d+ s\b")
CURSOR = re.compile(r"(?<=[?&]cursor=)[^&>\s\"]+")
SECRET = re.compile(r"\b(whsec|ak_live|at|ct)_[A-Za-z0-9_+/=-]{20,}")
FIXED = {
    "next_cursor": "eyJhZnRlciI6MTIwMX0",
    "client_id": "3f9a5b1c",
    "confirm_token": "cft_7d2e4f60718293a4",
    "access_token": "at_7QmX2vT9c1LrYw5ZkD8s",
    "secret": "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3",
}


class Plain:
    """One scene's normalisation; `sent` collects the times that callers chose, which stay."""

    def __init__(self, began_at: datetime) -> None:
        self.began_at = began_at
        self.sent: set[str] = set()
        self._numbers: dict[str, dict[str, int]] = {}

    def keep_times(self, text: str) -> None:
        self.sent.update(to_moment(found).isoformat() for found in TIME.findall(text))

    def value(self, value: Any, key: str = "") -> Any:
        if isinstance(value, dict):
            return self.mapping(value)
        if isinstance(value, list):
            return [self.value(part, key) for part in value]
        if isinstance(value, str):
            return FIXED[key] if key in FIXED and value else self.text(value)
        return value

    def mapping(self, value: dict[str, Any]) -> dict[str, Any]:
        plain = {name: self.value(part, name) for name, part in value.items()}
        if isinstance(plain.get("id"), str) and plain["id"].isdigit():
            plain["id"] = str(1200 + self.number("id", plain["id"]))
        return plain

    def text(self, text: str) -> str:
        text = REQUEST.sub("req_3f9a5b1c7d2e4f60718293a4", text)
        text = MESSAGE.sub(lambda found: f"msg_{self.number('message', found[0]):032x}", text)
        text = NUMBERED.sub(lambda found: f"{found[1]}_{self.numbered(found[1], found[2])}", text)
        text = UUID.sub(lambda found: f"0197c1a0-7d2e-7000-8000-{self.number('uuid', found[0]):012d}", text)
        text = DELIVERY.sub(lambda found: str(1200 + self.number("id", found[0])), text)
        text = WAIT.sub("Wait 41 s", CURSOR.sub(FIXED["next_cursor"], text))
        text = SECRET.sub(lambda found: f"{found[1]}_…", text)
        return TIME.sub(lambda found: self.time(found[0]), text)

    def numbered(self, prefix: str, digits: str) -> int:
        return FIRST[prefix] + self.number(prefix, digits) - 1

    def number(self, kind: str, value: str) -> int:
        """1 for the first value of a kind that appeared, 2 for the second."""
        seen = self._numbers.setdefault(kind, {})
        return seen.setdefault(value, len(seen) + 1)

    def time(self, text: str) -> str:
        """A time the caller chose stays; others are hours after the scene began."""
        moment = to_moment(text)
        if moment.isoformat() in self.sent:
            return text
        hours = round((moment - self.began_at).total_seconds() / HOUR_S)
        return f"{NOW + timedelta(hours=hours):%Y-%m-%dT%H:%M:%SZ}"


def to_moment(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00")).astimezone(UTC)
