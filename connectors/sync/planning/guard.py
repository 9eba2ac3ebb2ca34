"""The guard: what a plan may not do without a person's word, decided inside the statement that would do it.

Only leavers count. Somebody who may not be mailed any more is taken off however many they are.
"""

from __future__ import annotations

from typing import Any

from connectors.models import Goal

RECENT_HOURS = 24  # leavers taken off one by one count together, or a broken source would empty a list slowly

# The hash tells two plans apart by who would be on the list and who would be taken off because they left: neither
# a changed first name nor somebody's arrival at the ESP undoes an approval, a person more or less does.
TALLY = """
tally AS (
    SELECT count(*) FILTER (WHERE reason = '') AS staying,
           count(*) FILTER (WHERE verdict = 'leave') AS leaving,
           count(*) FILTER (WHERE verdict = 'leave' AND NOT (pending AND reason_before = 'left')) AS leaving_anew,
           count(*) FILTER (WHERE is_there) AS on_list,
           count(*) FILTER (WHERE is_member) AS members,
           count(*) FILTER (WHERE {is_plain_keep}) AS plain_keeps,
           to_hex(coalesce(bit_xor(hashint8extended(profile_id, (reason = '')::int))
               FILTER (WHERE reason = '' OR verdict = 'leave'), 0)) AS mixed
    FROM diff
),
counted AS (
    SELECT *, mixed || '-' || staying || '-' || leaving AS people_hash,
           CASE WHEN leaving = 0 THEN 0 ELSE (
               SELECT coalesce(sum((r.plan ->> 'leavers_taken')::int), 0) FROM connectors_run r
               WHERE r.account_id = %(account)s AND r.goal_id = %(goal)s AND r.trigger = 'change' AND NOT r."full"
                 AND r.queued_at > now() - make_interval(hours => %(recent_hours)s)
           ) + leaving_anew END AS taken
    FROM tally
)"""

FULL_GUARD = """{tally},
weighed AS (
    SELECT *, leaving > 0 AND taken > %(limit)s AND taken * 100 > %(percent)s * on_list AS too_many,
           members = 0 AND on_list > 0 AS is_empty
    FROM counted
),
guard AS MATERIALIZED (
    SELECT *, false AS leavers_wait,
           people_hash = %(approved)s OR NOT (%(hold)s OR too_many OR is_empty) AS applies
    FROM weighed
)"""

# How many are on the list is counted only as far as it matters, or the change of one person would cost as much as
# the list is long. While a full run is held, leavers wait for the same decision.
TOUCHED_GUARD = """{tally},
guard AS MATERIALIZED (
    SELECT *, true AS applies, false AS too_many, false AS is_empty,
           CASE WHEN leaving = 0 THEN false
                WHEN EXISTS (
                    SELECT FROM connectors_run r
                    WHERE r.account_id = %(account)s AND r.goal_id = %(goal)s AND r.state = 'held'
                ) THEN true
                WHEN taken <= %(limit)s THEN false
                ELSE taken * 100 > %(percent)s * (
                    SELECT count(*) FROM (
                        SELECT FROM connectors_subscriber s
                        WHERE s.account_id = %(account)s AND s.goal_id = %(goal)s AND s.accepted_hash IS NOT NULL
                        LIMIT taken * 100 / greatest(%(percent)s, 1) + 1
                    ) counted_on_list
                ) END AS leavers_wait
    FROM counted
)"""


def guard_parameters(goal: Goal, hold: bool, approved: str) -> dict[str, Any]:
    return {
        "limit": goal.removal_limit,
        "percent": goal.removal_percent,
        "recent_hours": RECENT_HOURS,
        "hold": hold,
        "approved": approved,
    }
