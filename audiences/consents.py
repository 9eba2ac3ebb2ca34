"""Consents: the ledger, and its projection on the person.

The ledger is a set of dated answers. Its projection is, per objective, the answer with the latest `occurred_at`;
on equal time "denied" wins. So the projection does not depend on the order in which answers arrive, nor on how
often: `better` is a maximum, `merge` of two projections is the projection of both histories. The SQL function
`audiences_merge_consents(stored, given)` (first migration) is the same rule, for statements over many people.

A projection reads {objective key: {"state": "granted" | "denied", "at": "2026-01-31T12:00:00.000000Z"}}; the
moment is UTC with six decimals always, so that moments compare as texts.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from audiences import happenings
from audiences.changes import record_change
from audiences.ingest.types import ConsentGiven
from audiences.models import Consent, Objective, Profile

Answer = dict[str, str]
Projection = dict[str, Answer]


class UnknownObjective(ValueError):
    """The account asks no consent by this key."""


def to_answer(state: str, occurred_at: datetime) -> Answer:
    moment = occurred_at.astimezone(UTC)
    return {"state": state, "at": moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ").rjust(27, "0")}


def better(one: Answer, other: Answer) -> Answer:
    """The later of two answers; on equal time the denial."""
    return max(one, other, key=lambda answer: (answer["at"], answer["state"] == Consent.State.DENIED))


def merge(stored: Mapping[str, Answer], given: Mapping[str, Answer]) -> Projection:
    """The projection of two histories from the projections of each."""
    return {
        **stored,
        **{key: better(stored[key], answer) if key in stored else answer for key, answer in given.items()},
    }


@transaction.atomic
def record(
    *, profile: Profile, given: ConsentGiven, source: str, origin: str = "", now: datetime | None = None
) -> bool:
    """Add one answer of one person to the ledger. False when a later (or equal, denying) answer stands.

    The same answer twice is one row. Raises UnknownObjective, and Profile.DoesNotExist where the person was forgotten
    meanwhile.
    """
    if not Objective.objects.of(profile.account_id).filter(key=given.objective).exists():
        raise UnknownObjective(f"There is no objective “{given.objective}”.")
    moment = now or timezone.now()
    stored = _locked_projection(profile)
    _add_to_ledger(profile, given, source, moment)
    merged = merge(stored, {given.objective: to_answer(given.state, given.occurred_at)})
    if merged == stored:
        return False
    Profile.objects.of(profile.account_id).filter(pk=profile.pk).update(consents=merged, updated_at=moment)
    profile.consents = merged
    record_change(account_id=profile.account_id, profile_ids=[profile.pk], origin=origin, now=moment)
    happenings.consent_changed(profile.account_id, 1, given.objective)
    return True


def _locked_projection(profile: Profile) -> Projection:
    rows = Profile.objects.of(profile.account_id).filter(forgotten_at=None).select_for_update(no_key=True)
    found: Projection = rows.values_list("consents", flat=True).get(pk=profile.pk)
    return found


def _add_to_ledger(profile: Profile, given: ConsentGiven, source: str, now: datetime) -> None:
    answer: dict[str, Any] = {
        "account_id": profile.account_id,
        "profile_id": profile.pk,
        "objective_key": given.objective,
        "state": given.state,
        "occurred_at": given.occurred_at,
        "source": source[:100],
    }
    if not Consent.objects.filter(**answer).exists():
        Consent.objects.create(**answer, method=given.method, evidence=dict(given.evidence), recorded_at=now)


# Who the answers of a staged call are about is settled by then.
STAGE_ANSWERS = """
INSERT INTO ingest_answer
SELECT DISTINCT ON (p.profile_id, c.objective_key, c.state, c.occurred_at)
    p.profile_id, p.known, c.objective_key, c.state, c.occurred_at, c.method, c.evidence
FROM ingest_consent c JOIN ingest_person p ON p.n = c.n
WHERE p.profile_id IS NOT NULL AND p.code IS NULL
ORDER BY p.profile_id, c.objective_key, c.state, c.occurred_at, c.n
"""

# Opt-ins that change nothing, for a later opt-out stands; after the answers were merged. Rows: (person, objective key).
OUTLIVED = """
SELECT DISTINCT a.profile_id, a.objective_key
FROM ingest_answer a
LEFT JOIN audiences_profile t ON t.account_id = %(account)s AND t.id = a.profile_id
WHERE a.state = 'granted' AND t.consents -> a.objective_key ->> 'state' = 'denied'
"""
# The items that gave such answers. Rows: (item, objective key).
WHO_GAVE = """
SELECT DISTINCT c.n, c.objective_key
FROM unnest(%(people)s::bigint[], %(objectives)s::text[]) AS outlived (profile_id, objective_key)
JOIN ingest_person p ON p.profile_id = outlived.profile_id AND p.code IS NULL
JOIN ingest_consent c ON c.n = p.n AND c.objective_key = outlived.objective_key AND c.state = 'granted'
ORDER BY c.n, c.objective_key
"""

# Rows: (objective key, new answers).
ADD_ANSWERS = """
WITH added AS (
    INSERT INTO audiences_consent
        (account_id, profile_id, objective_key, state, source, method, occurred_at, recorded_at, evidence)
    SELECT %(account)s, a.profile_id, a.objective_key, a.state, %(source)s, a.method, a.occurred_at, %(now)s,
        a.evidence
    FROM ingest_answer a
    WHERE NOT EXISTS (
        SELECT FROM audiences_consent known
        WHERE known.account_id = %(account)s AND known.profile_id = a.profile_id
            AND known.occurred_at = a.occurred_at AND known.objective_key = a.objective_key
            AND known.state = a.state AND known.source = %(source)s
    )
    RETURNING objective_key
)
SELECT objective_key, count(*) FROM added GROUP BY objective_key ORDER BY objective_key
"""
