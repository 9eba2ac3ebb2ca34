"""How many members of an audience may be mailed, per objective."""

from __future__ import annotations

from typing import Any

from django.db import connection

from audiences.models import Audience, Objective, Suppression
from audiences.suppressions import suppressed_sql


def reachable_counts(audience: Audience) -> dict[str, int]:
    """{objective key: members with an address, a granted consent and no suppression}, in one pass."""
    keys = list(Objective.objects.of(audience.account_id).order_by("key").values_list("key", flat=True))
    if not keys:
        return {}
    parameters: dict[str, Any] = {"account": audience.account_id, "audience": audience.pk}
    suppresses = Suppression.objects.of(audience.account_id).exists()  # else no address need be hashed
    with connection.cursor() as cursor:
        cursor.execute(to_sql(keys, parameters, suppresses), parameters)
        return dict(zip(keys, cursor.fetchone(), strict=True))


def to_sql(keys: list[str], parameters: dict[str, Any], suppresses: bool) -> str:
    counts = []
    for number, key in enumerate(keys):
        parameters[f"objective_{number}"] = key
        counts.append(
            f"count(*) FILTER (WHERE p.consents -> %(objective_{number})s::text ->> 'state' = 'granted')"
        )
    may_be_mailed = f"AND NOT {suppressed_sql('p.email', parameters)}" if suppresses else ""
    return (
        f"SELECT {', '.join(counts)} FROM audiences_member m "  # noqa: S608  only placeholders are put in
        "JOIN audiences_profile p ON p.account_id = m.account_id AND p.id = m.profile_id "
        "WHERE m.account_id = %(account)s AND p.account_id = %(account)s AND m.audience_id = %(audience)s "
        f"AND m.state = 'member' AND p.email IS NOT NULL {may_be_mailed}"
    )
