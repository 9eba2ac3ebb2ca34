"""Where an erased person's names may stand outside the rows of people: kept answers, errors of jobs, staged items.

Found by the text itself, as JSON writes it. Not looked into, because they cannot be or end by themselves: the sealed
call log (some days), the input of jobs not carried out yet (it is refused when it is) and of those that failed or
were cancelled (seven days), messages of webhooks that are on their way.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson
from django.db import connection, transaction

from audiences.models import Job

FORGET_REPLIES = """
DELETE FROM api_reply WHERE account_id = %(account)s AND EXISTS (
    SELECT FROM unnest(%(texts)s::text[]) one WHERE position(convert_to(one, 'UTF8') IN body) > 0
)
"""
FORGET_ORIGINALS = """
UPDATE audiences_joberror SET original = NULL WHERE account_id = %(account)s AND EXISTS (
    SELECT FROM unnest(%(texts)s::text[]) one WHERE position(lower(one) IN lower(original)) > 0
)
"""
FORGET_STAGED = """
UPDATE audiences_stageditem SET contact = NULL, original = NULL
WHERE account_id = %(account)s AND (contact IS NOT NULL OR original IS NOT NULL)
    AND (value = ANY(%(names)s) OR EXISTS (
        SELECT FROM unnest(%(texts)s::text[]) one
        WHERE position(lower(one) IN lower(contact::text)) > 0 OR position(lower(one) IN lower(original)) > 0
    ))
"""
JOBS_WITH_SAMPLES = """
SELECT id FROM audiences_job WHERE account_id = %(account)s AND EXISTS (
    SELECT FROM unnest(%(names)s::text[]) one, jsonb_array_elements(error_summary) code
    WHERE code -> 'sample' @> to_jsonb(one)
)
"""


@transaction.atomic
def remove_traces(account_id: int, names: Sequence[str]) -> None:
    """`names`: external id and address of the erased person. Runs in the account's scope."""
    if not names:
        return
    texts = [orjson.dumps(name).decode() for name in names]
    params: dict[str, Any] = {"account": account_id, "names": list(names), "texts": texts}
    with connection.cursor() as cursor:
        for statement in (FORGET_REPLIES, FORGET_ORIGINALS, FORGET_STAGED):
            cursor.execute(statement, params)
        cursor.execute(JOBS_WITH_SAMPLES, params)
        found = [job_id for (job_id,) in cursor.fetchall()]
    for job in Job.objects.of(account_id).filter(pk__in=found):
        summary = [
            {**code, "sample": [one for one in code["sample"] if one not in names]}
            for code in job.error_summary
        ]
        Job.objects.of(account_id).filter(pk=job.pk).update(error_summary=summary)
