"""How many members of an audience may be mailed, per objective.

Counting reads every member, so only small audiences are counted whenever somebody asks. Of a large one the figure is
kept with its time: counted when it is first asked for, and again in the background a minute after people changed.
Every night figures are forgotten, so that audiences nobody asks about cost nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection
from django.utils import timezone

from audiences.models import Audience, Objective, Suppression
from audiences.suppressions import suppressed_sql
from syncapp.work import Slice, wake

COUNTED_AT_ONCE = 10_000  # members; some 30 ms
COUNTED_TOGETHER = 30_000  # members of the small audiences of a list
WAIT_S = 60  # after a change: a stream of changes costs one count a minute
RECOUNT = "audiences.reach"


@dataclass(frozen=True, slots=True)
class Reach:
    """{objective key: members}, and when they were counted; None: just now, for whoever asked."""

    counts: dict[str, int]
    at: datetime | None


def reach_of(audience: Audience) -> Reach:
    """Exact for a small audience; for a large one as it was a minute or so ago."""
    if audience.member_count <= COUNTED_AT_ONCE:
        return Reach(reachable_counts(audience), None)
    if audience.reach is None or audience.reach_counted_at is None:
        return keep_count(audience)
    counts = {key: audience.reach.get(key, 0) for key in objective_keys(audience)}
    return Reach(counts, audience.reach_counted_at)


def reaches_of(audiences: Sequence[Audience]) -> dict[int, Reach | None]:
    """{audience id: Reach} of many in one query; None where counting all at once would take too long.

    The small ones are counted until there are COUNTED_TOGETHER members; of the others the kept figure is given.
    """
    found: dict[int, Reach | None] = {}
    small, budget = [], COUNTED_TOGETHER
    for audience in audiences:
        if audience.member_count <= min(COUNTED_AT_ONCE, budget):
            small.append(audience.pk)
            budget -= audience.member_count
        elif audience.reach is not None and audience.reach_counted_at is not None:
            found[audience.pk] = Reach(audience.reach, audience.reach_counted_at)
        else:
            found[audience.pk] = None
    if small:
        counts = reachable_counts_of(audiences[0].account_id, small)
        found |= {pk: Reach(counts[pk], None) for pk in small}
    return found


def keep_count(audience: Audience) -> Reach:
    """The time is taken before counting: what changes meanwhile is newer than the figure."""
    at = timezone.now()
    found = Reach(reachable_counts(audience), at)
    rows = Audience.objects.of(audience.account_id).filter(pk=audience.pk)
    rows.update(reach=found.counts, reach_counted_at=found.at)
    return found


def large_audiences(account_id: int) -> Any:
    return Audience.objects.of(account_id).filter(deleted_at=None, member_count__gt=COUNTED_AT_ONCE)


# Also what was large once: an audience may become so again by the call that asks.
HAS_LARGE = f"""EXISTS (
    SELECT FROM audiences_audience WHERE account_id = %(account)s AND deleted_at IS NULL
        AND (member_count > {COUNTED_AT_ONCE} OR reach_counted_at IS NOT NULL)
)"""


def wake_recount(account_id: int) -> None:
    """People of an account that has large audiences changed: count again soon. At most one recount waits."""
    wake(RECOUNT, "", account_id=account_id, delay_s=WAIT_S)


def recount(account_id: int, slice_: Slice) -> bool:
    """Count again what somebody asked for, the oldest figure first; False when the slice ended before the work."""
    for audience in large_audiences(account_id).exclude(reach_counted_at=None).order_by("reach_counted_at"):
        if slice_.is_over():
            return False
        keep_count(audience)
    return True


def forget_counts(account_id: int) -> None:
    Audience.objects.of(account_id).exclude(reach_counted_at=None).update(reach=None, reach_counted_at=None)


def objective_keys(audience: Audience) -> list[str]:
    return keys_of(audience.account_id)


def keys_of(account_id: int) -> list[str]:
    return list(Objective.objects.of(account_id).order_by("key").values_list("key", flat=True))


def reachable_counts(audience: Audience) -> dict[str, int]:
    """{objective key: members with an address, a granted consent and no suppression}, in one pass."""
    return reachable_counts_of(audience.account_id, [audience.pk])[audience.pk]


def reachable_counts_of(account_id: int, audience_ids: Sequence[int]) -> dict[int, dict[str, int]]:
    """{audience id: {objective key: members}}, with every key of the account for every audience asked."""
    keys = keys_of(account_id)
    found = {audience_id: dict.fromkeys(keys, 0) for audience_id in audience_ids}
    if not keys:
        return found
    parameters: dict[str, Any] = {"account": account_id, "audiences": list(audience_ids)}
    suppresses = Suppression.objects.of(account_id).exists()  # else no address need be hashed
    with connection.cursor() as cursor:
        cursor.execute(to_sql(keys, parameters, suppresses), parameters)
        for audience_id, *counts in cursor.fetchall():
            found[audience_id] = dict(zip(keys, counts, strict=True))
    return found


def to_sql(keys: list[str], parameters: dict[str, Any], suppresses: bool) -> str:
    counts = []
    for number, key in enumerate(keys):
        parameters[f"objective_{number}"] = key
        counts.append(
            f"count(*) FILTER (WHERE p.consents -> %(objective_{number})s::text ->> 'state' = 'granted')"
        )
    may_be_mailed = f"AND NOT {suppressed_sql('p.email', parameters)}" if suppresses else ""
    return (
        f"SELECT m.audience_id, {', '.join(counts)} FROM audiences_member m "  # noqa: S608  only placeholders are put in
        "JOIN audiences_profile p ON p.account_id = m.account_id AND p.id = m.profile_id "
        "WHERE m.account_id = %(account)s AND p.account_id = %(account)s "
        "AND m.audience_id = ANY(%(audiences)s) "
        f"AND m.state = 'member' AND p.email IS NOT NULL {may_be_mailed} GROUP BY m.audience_id"
    )
