"""The gate alone, against a second opinion: who may be mailed, and why not."""

from __future__ import annotations

import itertools
import random
from collections.abc import Sequence

from django.db import connection

from audiences.models import Profile, Suppression
from audiences.suppressions import to_hmac
from connectors.sync.gate import withheld_sql
from syncapp.accounts.models import Account

PEOPLE = 2000
OBJECTIVES = ("newsletter", "offers", "service")
SUBSETS = [subset for size in range(4) for subset in itertools.combinations(OBJECTIVES, size)]
ANSWERS = (None, None, "granted", "denied")


def random_person(account: Account, number: int, chance: random.Random) -> Profile:
    answers = {key: chance.choice(ANSWERS) for key in OBJECTIVES}
    consents = {
        key: {"state": state, "at": "2026-01-01T00:00:00.000000Z"}
        for key, state in answers.items()
        if state is not None
    }
    address = None if chance.random() < 0.15 else f"person{number}+{chance.randrange(9)}@example.com"
    return Profile(account=account, external_id=f"person-{number}", email=address, consents=consents)


def second_opinion(person: Profile, suppressed: set[str], objectives: Sequence[str]) -> str | None:
    states = {person.consents[key]["state"] for key in objectives if key in person.consents}
    if person.email is None:
        return "no_address"
    if person.email in suppressed:
        return "suppressed"
    if "granted" in states:
        return None
    return "consent_denied" if "denied" in states else "no_consent"


def test_the_gate_agrees_with_a_second_opinion_on_everyone(in_ann: Account, bob_account: Account):
    chance = random.Random(20)
    people = [random_person(in_ann, number, chance) for number in range(PEOPLE)]
    Profile.objects.bulk_create(people)
    suppressed = {person.email for person in people if person.email and chance.random() < 0.2}
    Suppression.objects.bulk_create(
        Suppression(account=in_ann, address_hmac=to_hmac(address), reason="manual") for address in suppressed
    )

    judged = 0
    for objectives in SUBSETS:
        parameters: dict[str, object] = {"account": in_ann.pk}
        sql = f"SELECT p.external_id, {withheld_sql(objectives, parameters)} FROM audiences_profile p"
        with connection.cursor() as cursor:
            cursor.execute(f"{sql} WHERE p.account_id = %(account)s", parameters)
            found = dict(cursor.fetchall())
        expected = {person.external_id: second_opinion(person, suppressed, objectives) for person in people}
        assert found == expected, objectives
        judged += len(found)
    assert judged >= 10_000


def test_an_objective_named_like_sql_is_a_name(in_ann: Account):
    Profile.objects.create(
        account=in_ann, email="eve@example.com", consents={"a' b": {"state": "granted", "at": ""}}
    )
    parameters: dict[str, object] = {"account": in_ann.pk}
    with connection.cursor() as cursor:
        sql = withheld_sql(["a' b"], parameters)
        cursor.execute(f"SELECT {sql} FROM audiences_profile p", parameters)
        assert cursor.fetchall() == [(None,)]
