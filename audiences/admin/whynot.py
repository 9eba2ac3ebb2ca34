"""Why members may not be mailed: of an audience in figures, of the people on a page one by one."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.utils.dateparse import parse_datetime

from audiences.models import Audience, Objective, Profile, Suppression
from audiences.reach import COUNTED_AT_ONCE, reach_of
from audiences.suppressions import suppressed_sql, to_hmac

NO_ADDRESS, SUPPRESSED, GRANTED, DENIED, NO_ANSWER = (
    "no_address",
    "suppressed",
    "granted",
    "denied",
    "no_answer",
)
WORDS = {
    NO_ADDRESS: "no e-mail address",
    SUPPRESSED: "suppressed",
    GRANTED: "reachable",
    DENIED: "said no",
    NO_ANSWER: "no answer",
}

PEOPLE = """
SELECT p.id, p.consents, p.email IS NULL AS no_address, p.email IS NOT NULL AND {suppressed} AS suppressed
FROM audiences_member m
JOIN audiences_profile p ON p.account_id = m.account_id AND p.id = m.profile_id
WHERE m.account_id = %(account)s AND p.account_id = %(account)s AND m.audience_id = %(audience)s
    AND m.state = 'member'
"""


@dataclass(frozen=True, slots=True)
class Part:
    """Members with one reason; `query` narrows the list of members down to them, "" where that would be slow."""

    why: str
    members: int
    share: float
    query: str

    @property
    def words(self) -> str:
        return WORDS[self.why]


@dataclass(frozen=True, slots=True)
class ObjectiveReach:
    """`parts` add up to the members of the audience; only the first is known of a large audience."""

    key: str
    label: str
    reachable: int
    share: float
    parts: list[Part]


@dataclass(frozen=True, slots=True)
class AudienceReach:
    """`at`: None where it was counted just now."""

    objectives: list[ObjectiveReach]
    at: Any


def of_audience(audience: Audience) -> AudienceReach:
    """Exact with reasons for a small audience, else the kept figure with its time."""
    objectives = list(Objective.objects.of(audience.account_id).order_by("label"))
    if audience.member_count > COUNTED_AT_ONCE:
        reach = reach_of(audience)
        found = [in_one_figure(audience, one, reach.counts.get(one.key, 0)) for one in objectives]
        return AudienceReach(found, reach.at)
    return AudienceReach(counted(audience, objectives), None)


def in_one_figure(audience: Audience, objective: Objective, reachable: int) -> ObjectiveReach:
    share = share_of(reachable, audience.member_count)
    part = Part(GRANTED, reachable, share, "")
    return ObjectiveReach(objective.key, objective.label, reachable, share, [part])


def counted(audience: Audience, objectives: Sequence[Objective]) -> list[ObjectiveReach]:
    """One pass over the members."""
    if not objectives:
        return []
    parameters = parameters_of(audience)
    columns = ["count(*)", "count(*) FILTER (WHERE no_address)", "count(*) FILTER (WHERE suppressed)"]
    for number, objective in enumerate(objectives):
        parameters[f"key_{number}"] = objective.key
        for state in (GRANTED, DENIED):
            columns.append(
                "count(*) FILTER (WHERE NOT no_address AND NOT suppressed "
                f"AND consents -> %(key_{number})s::text ->> 'state' = '{state}')"
            )
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {', '.join(columns)} FROM ({people_sql(parameters)}) people", parameters)  # noqa: S608
        members, no_address, suppressed, *answers = cursor.fetchone()
    return [
        to_reach(objective, members, no_address, suppressed, *answers[2 * number : 2 * number + 2])
        for number, objective in enumerate(objectives)
    ]


def to_reach(
    objective: Objective, members: int, no_address: int, suppressed: int, granted: int, denied: int
) -> ObjectiveReach:
    found = {
        GRANTED: granted,
        NO_ANSWER: members - no_address - suppressed - granted - denied,
        DENIED: denied,
        NO_ADDRESS: no_address,
        SUPPRESSED: suppressed,
    }
    parts = [
        Part(
            why,
            people,
            share_of(people, members),
            why if why in (NO_ADDRESS, SUPPRESSED) else f"{why}:{objective.key}",
        )
        for why, people in found.items()
        if people or why == GRANTED
    ]
    return ObjectiveReach(objective.key, objective.label, granted, share_of(granted, members), parts)


def parameters_of(audience: Audience) -> dict[str, Any]:
    return {"account": audience.account_id, "audience": audience.pk}


def people_sql(parameters: dict[str, Any]) -> str:
    suppresses = Suppression.objects.of(parameters["account"]).exists()  # else no address need be hashed
    return PEOPLE.format(suppressed=suppressed_sql("p.email", parameters) if suppresses else "false")


def share_of(part: int, whole: int) -> float:
    """Per hundred; 0 of nothing."""
    return round(100 * part / whole, 1) if whole else 0.0


def narrowed_ids(audience: Audience, why: str, after: int, limit: int) -> list[int] | None:
    """Members with this reason (`denied:newsletter`), by id; None where it is no reason, or the audience is large."""
    reason, _, key = why.partition(":")
    parameters = {**parameters_of(audience), "key": key, "after": after, "limit": limit}
    state = "consents -> %(key)s::text ->> 'state'"
    mailable = "NOT no_address AND NOT suppressed AND "
    conditions = {
        NO_ADDRESS: "no_address",
        SUPPRESSED: "suppressed",
        GRANTED: f"{mailable}{state} = 'granted'",
        DENIED: f"{mailable}{state} = 'denied'",
        NO_ANSWER: f"{mailable}{state} IS NULL",
    }
    if reason not in conditions or audience.member_count > COUNTED_AT_ONCE:
        return None
    sql = (
        f"SELECT id FROM ({people_sql(parameters)}) people WHERE {conditions[reason]} "  # noqa: S608
        "AND id > %(after)s ORDER BY id LIMIT %(limit)s"
    )
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return [profile_id for (profile_id,) in cursor.fetchall()]


@dataclass(frozen=True, slots=True)
class Standing:
    """How one person stands on one objective."""

    label: str
    why: str
    at: Any

    @property
    def words(self) -> str:
        return WORDS[self.why]

    @property
    def is_reachable(self) -> bool:
        return self.why == GRANTED


def of_people(account_id: int, people: Collection[Profile]) -> dict[int, list[Standing]]:
    """Per person, objective by objective."""
    objectives = list(Objective.objects.of(account_id).order_by("label"))
    hashes = {to_hmac(person.email): person.pk for person in people if person.email}
    held = Suppression.objects.of(account_id).filter(address_hmac__in=list(hashes))
    suppressed = {hashes[bytes(found)] for found in held.values_list("address_hmac", flat=True)}
    return {
        person.pk: [standing(person, objective, person.pk in suppressed) for objective in objectives]
        for person in people
    }


def standing(person: Profile, objective: Objective, is_suppressed: bool) -> Standing:
    answer = person.consents.get(objective.key, {})
    at = parse_datetime(answer["at"]) if answer.get("at") else None
    if person.email is None:
        return Standing(objective.label, NO_ADDRESS, None)
    if is_suppressed:
        return Standing(objective.label, SUPPRESSED, None)
    return Standing(objective.label, answer.get("state", NO_ANSWER), at)
