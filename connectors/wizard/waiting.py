"""How many people wait for which ESP, counted no further than a screen needs."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import connection

MOST_PER_GOAL = 10_000

# By the partial index of due subscribers: nothing is read for goals that have none.
WAITING = """
SELECT c.connector, sum(due.people)::int, bool_or(due.people >= %(most)s)
FROM connectors_goal g
JOIN connectors_connection c ON c.account_id = g.account_id AND c.id = g.connection_id,
LATERAL (
    SELECT count(*) AS people FROM (
        SELECT 1 FROM connectors_subscriber s
        WHERE s.account_id = g.account_id AND s.goal_id = g.id AND s.due_at IS NOT NULL LIMIT %(most)s
    ) AS counted
) AS due
WHERE g.account_id = ANY (%(accounts)s)
GROUP BY c.connector
"""


def people_waiting(account_ids: Sequence[int]) -> dict[str, tuple[int, bool]]:
    """{connector: (people, whether there are more)}."""
    with connection.cursor() as cursor:
        cursor.execute(WAITING, {"accounts": list(account_ids), "most": MOST_PER_GOAL})
        return {key: (people, capped) for key, people, capped in cursor.fetchall()}
