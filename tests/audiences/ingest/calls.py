"""Short ways to write calls, for the tests of this folder."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from audiences.ingest import Contact, Operation, Result, apply
from audiences.models import Audience, Member, Pending, Profile

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)


def at(minutes: int) -> datetime:
    return NOW + timedelta(minutes=minutes)


def add(
    index: int, value: str, kind: str = "external_id", contact: Contact | None = None, **more
) -> Operation:
    return Operation(index, "add", kind, value, contact, **more)


def remove(index: int, value: str, kind: str = "external_id", **more) -> Operation:
    return Operation(index, "remove", kind, value, **more)


def upsert(index: int, value: str, kind: str = "external_id", **more) -> Operation:
    consents = more.pop("consents", ())
    return Operation(index, "upsert", kind, value, Contact(**more), consents)


def run(audience: Audience, *operations: Operation, unknown: str = "create", **more) -> Result:
    """A call on an audience; what must always hold is checked here."""
    more = {"source": "test", "now": NOW, **more}
    result = apply(
        account=audience.account, audience=audience, operations=operations, unknown=unknown, **more
    )
    assert adds_up(result), result.counts
    audience.refresh_from_db()
    assert audience.member_count == result.member_count == len(members_of(audience))
    waiting = Pending.objects.filter(audience=audience, state="member").count()
    assert audience.held_count == result.held_count == waiting
    assert audience.version == result.version
    return result


def store(account, *operations: Operation, **more) -> Result:
    """A call about people only."""
    more = {"source": "test", "now": NOW, "unknown": "create", **more}
    result = apply(account=account, audience=None, operations=operations, **more)
    counts = {key: count for key, count in result.counts.items() if key != "received"}
    assert sum(counts.values()) == result.counts["received"], result.counts
    return result


def adds_up(result: Result) -> bool:
    beside = {"received", "created", "updated"}
    counted = sum(count for key, count in result.counts.items() if key not in beside)
    return counted == result.counts["received"] and result.counts["created"] <= result.counts["added"]


def counts(result: Result) -> dict[str, int]:
    """Without zeros and without what was received."""
    return {key: count for key, count in result.counts.items() if count and key != "received"}


def members_of(audience: Audience) -> set[str]:
    found = Member.objects.filter(audience=audience, state=Member.State.MEMBER).values_list(
        "profile_id", flat=True
    )
    return {str(profile) for profile in Profile.objects.filter(pk__in=list(found))}
