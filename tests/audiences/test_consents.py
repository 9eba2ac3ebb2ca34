"""The projection of the consent ledger: one result for each history, whatever the order and however often."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise

import pytest
from django.db import DatabaseError, connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audiences import consents
from audiences.ingest import ConsentGiven, Contact, Operation, apply
from audiences.models import Change, Consent, Profile

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
ZONES = [UTC, timezone(timedelta(hours=2)), timezone(-timedelta(hours=7))]

answers = st.builds(
    ConsentGiven,
    objective=st.sampled_from(["newsletter", "service"]),
    state=st.sampled_from(["granted", "denied"]),
    occurred_at=st.builds(
        lambda seconds, zone: (NOW - timedelta(seconds=seconds / 2)).astimezone(zone),
        st.integers(0, 6),
        st.sampled_from(ZONES),
    ),
)
histories = st.lists(answers, max_size=10)


def oracle(history: list[ConsentGiven]) -> dict[str, tuple[str, datetime]]:
    """By definition: of the latest answers to an objective, denied if any of them is."""
    result = {}
    for objective in {each.objective for each in history}:
        mine = [each for each in history if each.objective == objective]
        latest = max(each.occurred_at for each in mine)
        states = {each.state for each in mine if each.occurred_at == latest}
        result[objective] = ("denied" if "denied" in states else "granted", latest)
    return result


def read(projection: consents.Projection) -> dict[str, tuple[str, datetime]]:
    return {
        key: (answer["state"], datetime.fromisoformat(answer["at"])) for key, answer in projection.items()
    }


def project(history: list[ConsentGiven]) -> consents.Projection:
    projection: consents.Projection = {}
    for each in history:
        projection = consents.merge(
            projection, {each.objective: consents.to_answer(each.state, each.occurred_at)}
        )
    return projection


def merge_in_database(stored: consents.Projection, more: consents.Projection) -> consents.Projection:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT audiences_merge_consents(%s::jsonb, %s::jsonb)", [json.dumps(stored), json.dumps(more)]
        )
        return json.loads(cursor.fetchone()[0])


@given(histories, st.randoms())
def test_any_order_and_repetition_gives_the_projection_of_the_history(history, chance):
    shuffled = history + chance.sample(history, len(history) // 2)
    chance.shuffle(shuffled)
    assert read(project(shuffled)) == oracle(history)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(histories, histories)
def test_the_sql_twin_agrees(db, one, other):
    merged = consents.merge(project(one), project(other))
    assert merge_in_database(project(one), project(other)) == merged
    assert read(merged) == oracle(one + other)


@pytest.fixture
def account(in_ann, objective_of):
    objective_of(in_ann, "newsletter")
    objective_of(in_ann, "service")
    return in_ann


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(history=histories, cuts=st.sets(st.integers(0, 10), max_size=3), one_by_one=st.booleans())
def test_through_every_door_the_ledger_and_projection_agree(account, history, cuts, one_by_one):
    """Some through an ingest call each, the rest through `record`; the person is made by the first."""
    Profile.objects.all().delete()
    apply(
        account=account,
        audience=None,
        operations=[Operation(0, "upsert", "external_id", "a")],
        unknown="create",
        source="s",
    )
    borders = sorted(cuts | {0, len(history)})
    for start, end in pairwise(borders):
        part = tuple(history[start:end])
        if one_by_one:
            for each in part:
                consents.record(profile=Profile.objects.get(), given=each, source="s")
        else:
            operation = Operation(0, "upsert", "external_id", "a", Contact(), part)
            apply(account=account, audience=None, operations=[operation], unknown="create", source="s")
    person = Profile.objects.get()
    assert read(person.consents) == oracle(history)
    ledger = set(Consent.objects.values_list("objective_key", "state", "occurred_at"))
    assert ledger == {(each.objective, each.state, each.occurred_at) for each in history}
    assert Consent.objects.count() == len(ledger)


def test_recording_says_whether_it_counts_and_tells_of_the_change(account, profile_of):
    person = profile_of(account, "a@example.com")
    granted = ConsentGiven("newsletter", "granted", NOW, "double_opt_in", {"ip": "192.0.2.1"})
    assert consents.record(profile=person, given=granted, source="admin:ann", origin="connection:7")
    assert not consents.record(profile=person, given=granted, source="admin:ann")
    assert not consents.record(
        profile=person, given=ConsentGiven("newsletter", "denied", NOW - timedelta(days=1)), source="x"
    )
    assert consents.record(profile=person, given=ConsentGiven("newsletter", "denied", NOW), source="x")
    assert person.consents == {"newsletter": {"state": "denied", "at": "2026-06-01T12:00:00.000000Z"}}
    assert [(change.profile_ids, change.origin) for change in Change.objects.order_by("pk")] == [
        ([person.pk], "connection:7"),
        ([person.pk], ""),
    ]
    assert Consent.objects.count() == 3
    with pytest.raises(consents.UnknownObjective):
        consents.record(profile=person, given=ConsentGiven("nothing", "granted", NOW), source="x")


def test_the_ledger_is_append_only_and_goes_with_the_person(account, profile_of):
    person = profile_of(account, "a@example.com")
    consents.record(profile=person, given=ConsentGiven("newsletter", "granted", NOW), source="x")
    for statement in ("UPDATE audiences_consent SET state = 'denied'", "DELETE FROM audiences_consent"):
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)
    Profile.objects.filter(pk=person.pk).delete()
    assert not Consent.objects.exists()
