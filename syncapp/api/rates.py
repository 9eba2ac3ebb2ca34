"""Quotas per key: fixed windows of 60 seconds that start at the key's first call; exactly the quota passes.

The count is one statement in PostgreSQL: reading first and writing later lets 640 of 640 parallel calls
through a limit of 50.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from django.db import connection

from syncapp.accounts.keys import Client
from syncapp.api import limits
from syncapp.api.models import RateWindow
from syncapp.api.problems import Problem

MEMBER_QUOTA = "Member-Quota"

# A refused call writes nothing, and reads the window as it was when the statement began.
TAKE = """
WITH taken AS (
    INSERT INTO api_ratewindow AS stored (account_id, key_id, quota, started_at, used)
    SELECT %(account)s, %(key)s, %(quota)s, statement_timestamp(), %(cost)s WHERE %(cost)s <= %(limit)s
    ON CONFLICT (account_id, key_id, quota) DO UPDATE SET
        used = EXCLUDED.used
            + CASE WHEN stored.started_at > EXCLUDED.started_at - %(window)s::interval THEN stored.used ELSE 0 END,
        started_at = CASE WHEN stored.started_at > EXCLUDED.started_at - %(window)s::interval
            THEN stored.started_at ELSE EXCLUDED.started_at END
    WHERE stored.started_at <= EXCLUDED.started_at - %(window)s::interval OR stored.used + EXCLUDED.used <= %(limit)s
    RETURNING true AS passed, used, started_at
)
SELECT passed, used, extract(epoch FROM started_at + %(window)s::interval - statement_timestamp())::float8 FROM taken
UNION ALL
SELECT false, used, extract(epoch FROM started_at + %(window)s::interval - statement_timestamp())::float8
FROM api_ratewindow
WHERE account_id = %(account)s AND key_id = %(key)s AND quota = %(quota)s AND NOT EXISTS (SELECT FROM taken)
"""

# The commit of the operations themselves is waited for, and writes this one out too.
TAKE_WITH_WHAT_FOLLOWS = TAKE.replace(
    "WITH taken AS (",
    "WITH quick AS MATERIALIZED (SELECT set_config('synchronous_commit', 'off', true)), taken AS (",
).replace("statement_timestamp(), %(cost)s WHERE", "statement_timestamp(), %(cost)s FROM quick WHERE")

LOOK = """
SELECT quota, used, extract(epoch FROM started_at + %(window)s::interval - statement_timestamp())::float8
FROM api_ratewindow
WHERE account_id = %(account)s AND key_id = %(key)s AND started_at > statement_timestamp() - %(window)s::interval
"""


@dataclass(frozen=True, slots=True)
class Quota:
    """Where a key stands. `reset_s` is whole seconds until everything is free again."""

    limit: int
    remaining: int
    reset_s: int


@dataclass(frozen=True, slots=True)
class Standing:
    """Both quotas of a key."""

    requests: Quota
    operations: Quota


def take_request(client: Client) -> Quota:
    limit = limits.requests_per_window()
    passed, quota = take(client, RateWindow.Quota.REQUESTS, 1, limit)
    if not passed:
        nothing_left = Quota(limit, 0, quota.reset_s)  # what was read may be older than what refused
        raise refusal(
            "default", nothing_left, f"This key may make {limit} requests in {limits.RATE_WINDOW_S} s."
        )
    return quota


def look(client: Client) -> Standing:
    """Where the quotas stand; takes nothing and begins no window."""
    values: dict[str, int | str] = {
        "account": client.account_id,
        "key": client.key_id,
        "window": f"{limits.RATE_WINDOW_S} seconds",
    }
    with connection.cursor() as cursor:
        cursor.execute(LOOK, values)
        found = {quota: (used, reset_s) for quota, used, reset_s in cursor.fetchall()}

    def standing(quota: RateWindow.Quota, limit: int) -> Quota:
        used, reset_s = found.get(quota.value, (0, limits.RATE_WINDOW_S))
        return to_quota(limit, used, reset_s)

    return Standing(
        requests=standing(RateWindow.Quota.REQUESTS, limits.requests_per_window()),
        operations=standing(RateWindow.Quota.MEMBER_OPERATIONS, limits.member_operations_per_window()),
    )


def take_member_operations(client: Client, count: int) -> Quota:
    limit = limits.member_operations_per_window()
    passed, quota = take(client, RateWindow.Quota.MEMBER_OPERATIONS, count, limit, TAKE_WITH_WHAT_FOLLOWS)
    if not passed:
        words = f"This key may make {limit} member operations in {limits.RATE_WINDOW_S} s; {count} came."
        raise refusal("member-operations", quota, words)
    return quota


def take(
    client: Client, quota: RateWindow.Quota, cost: int, limit: int, sql: str = TAKE
) -> tuple[bool, Quota]:
    """Whether `cost` fitted, and what is left. Outside any transaction, or it would hold others up."""
    values: dict[str, int | str] = {
        "account": client.account_id,
        "key": client.key_id,
        "quota": quota.value,
        "cost": cost,
        "limit": limit,
        "window": f"{limits.RATE_WINDOW_S} seconds",
    }
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        row = cursor.fetchone()
    # No row: refused while another call was making the window.
    passed, used, reset_s = row or (False, limit, limits.RATE_WINDOW_S)
    return passed, to_quota(limit, used, reset_s)


def to_quota(limit: int, used: int, reset_s: float) -> Quota:
    left_s = min(max(math.ceil(reset_s), 1), limits.RATE_WINDOW_S)
    return Quota(limit, max(limit - used, 0), left_s)


def refusal(policy: str, quota: Quota, words: str) -> Problem:
    violated = {"policy": policy, "limit": quota.limit, "window_s": limits.RATE_WINDOW_S}
    return Problem(
        "rate_limited",
        f"{words} Wait {quota.reset_s} s.",
        headers={"Retry-After": str(quota.reset_s), **headers_of(policy, quota)},
        **{"violated-policies": [policy], "quota": violated},
    )


def headers_of(policy: str, quota: Quota) -> dict[str, str]:
    """IETF's RateLimit fields for requests; our own for operations, whose unit is not registered there."""
    if policy != "default":
        left = f"limit={quota.limit}, remaining={quota.remaining}, reset={quota.reset_s}"
        return {MEMBER_QUOTA: left}
    return {
        "RateLimit-Policy": f'"default";q={quota.limit};w={limits.RATE_WINDOW_S}',
        "RateLimit": f'"default";r={quota.remaining};t={quota.reset_s}',
    }
