"""How fast an authorization's calls go now, and whether they go at all: for the pages, as of the time shown."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone

from connectors.look import Look
from connectors.models import Authorization, Breaker
from connectors.pace import breaker, budget
from connectors.pace.breaker import Standing
from connectors.pace.budget import Seen
from connectors.sync import esp
from syncapp.secrets import CannotOpen

CLOSED = Look("check_circle", "Calls are made", "good")
TONES = {"failing": "warn", "credentials": "bad"}
SOURCES = {
    "setting": "set by people",
    "told": "told by the ESP",
    "spec": "published by the ESP",
    "learned": "learned from the ESP’s refusals",
    "": "the ESP names none, and has refused nothing",
}


@dataclass(frozen=True, slots=True)
class Gauge:
    """`used`: calls in the last minute with these credentials, whoever made them. `limit`: calls a minute, None when
    none is known; `source` says in words where it comes from. `percent` of the limit in use, 100 at most.
    """

    used: int
    limit: int | None
    source: str
    percent: int
    waiting_until: datetime | None
    breaker: Look
    at: datetime


def gauge_of(authorization: Authorization) -> Gauge | None:
    """None where the credentials cannot be read, or are not all there: then no calls are made."""
    try:
        seen = budget.look(esp.account_of(authorization))
    except (CannotOpen, LookupError):
        return None
    at = timezone.now()
    limit = per_minute(seen)
    return Gauge(
        used=seen.used,
        limit=limit,
        source=SOURCES[seen.source],
        percent=0 if not limit else min(100, round(100 * seen.used / limit)),
        waiting_until=at + timedelta(seconds=seen.blocked_s) if seen.blocked_s > 0 else None,
        breaker=breaker_of(authorization),
        at=at,
    )


def per_minute(seen: Seen) -> int | None:
    """The limit as people speak of it; where refusals taught less than is known, what goes now."""
    if seen.calls is not None and seen.window_s and seen.source != "learned":
        return round(seen.calls * 60 / seen.window_s)
    return None if seen.per_s is None else max(1, round(seen.per_s * 60))


def breaker_of(authorization: Authorization) -> Look:
    """The breaker in words: what stands still, why, and what happens next."""
    return words_of(breaker.look(esp.subject_of(authorization)))


def words_of(standing: Standing) -> Look:
    if standing.is_closed:
        return CLOSED
    tone = TONES.get(standing.cause, "warn")
    if standing.cause == Breaker.Cause.CREDENTIALS:
        act = "Someone with access to the ESP must give new credentials."
        return Look("key_off", "Needs new credentials", tone, standing.reason, act)
    if standing.state == Breaker.State.HALF_OPEN:
        return Look("network_check", "One call tries", "busy", standing.reason, "If it works, all go on.")
    wait_s = max(0, round(standing.wait_s))
    act = f"One call tries in {wait_s} seconds." if wait_s else "The next call tries."
    return Look("pause_circle", "Calls are paused", tone, standing.reason, act)
