"""Membership is a set: it follows from the last operation per person, however operations arrive.

The oracle knows nothing of the code under test: a dictionary of the latest operation per person.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from itertools import count, pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audiences.ingest import Contact, Operation
from audiences.models import Audience, Profile
from tests.audiences.ingest.calls import NOW, members_of, run, store

PEOPLE = ("ann", "bea", "cas", "dre")
names = count()


@dataclass(frozen=True)
class Said:
    """One thing said of one person; two with equal minute and person are the same thing said twice."""

    person: str
    minute: int
    add: bool
    by_email: bool

    def operation(self, index: int) -> Operation:
        op = "add" if self.add else "remove"
        at = NOW - timedelta(minutes=self.minute)
        if self.by_email:
            return Operation(index, op, "email", address_of(self.person).upper(), occurred_at=at)
        contact = Contact(email=address_of(self.person)) if self.add else None
        return Operation(index, op, "external_id", self.person, contact, occurred_at=at)


def address_of(person: str) -> str:
    return f"{person}@example.com"


@st.composite
def histories(draw: st.DrawFn) -> list[list[Said]]:
    """Calls: what was said, doubled at will, in any order, cut anywhere. Who said what by which name varies."""
    moments = draw(
        st.lists(
            st.tuples(st.sampled_from(PEOPLE), st.integers(0, 500)), min_size=1, max_size=12, unique=True
        )
    )
    said = [Said(person, minute, draw(st.booleans()), draw(st.booleans())) for person, minute in moments]
    repeated = said + draw(st.lists(st.sampled_from(said), max_size=8))
    order = draw(st.permutations(repeated))
    cuts = sorted(draw(st.sets(st.integers(1, len(order)), max_size=5)) | {0, len(order)})
    return [list(order[start:end]) for start, end in pairwise(cuts)]


def expected(calls: list[list[Said]]) -> set[str]:
    last: dict[str, Said] = {}
    for said in (said for call in calls for said in call):
        if said.person not in last or said.minute < last[said.person].minute:
            last[said.person] = said
    return {address_of(person) for person, said in last.items() if said.add}


@pytest.fixture
def fresh_audience(in_ann, audience_of) -> Iterator:
    """A new audience and no people, for each example."""

    def make() -> Audience:
        Profile.objects.all().delete()
        return audience_of(in_ann, f"Audience {next(names)}")

    return make


thorough = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@thorough
@given(calls=histories())
def test_known_people(fresh_audience, calls):
    audience = fresh_audience()
    upserts = (
        Operation(n, "upsert", "external_id", person, Contact(email=address_of(person)))
        for n, person in enumerate(PEOPLE)
    )
    store(audience.account, *upserts)
    for call in calls:
        result = run(audience, *(said.operation(index) for index, said in enumerate(call)), unknown="reject")
        assert result.errors == ()
    assert members_of(audience) == expected(calls)


@thorough
@given(calls=histories())
def test_people_made_on_the_way(fresh_audience, calls):
    """By external id only: an address alone cannot tell whose trace a removal left."""
    audience = fresh_audience()
    calls = [[Said(said.person, said.minute, said.add, by_email=False) for said in call] for call in calls]
    for call in calls:
        result = run(audience, *(said.operation(index) for index, said in enumerate(call)), unknown="create")
        assert result.errors == ()
    assert members_of(audience) == expected(calls)


@thorough
@given(calls=histories(), appears_after=st.integers(0, 6))
def test_people_who_appear_on_the_way(fresh_audience, calls, appears_after):
    audience = fresh_audience()
    people = [
        Operation(n, "upsert", "external_id", person, Contact(email=address_of(person)))
        for n, person in enumerate(PEOPLE)
    ]
    for number, call in enumerate(calls):
        if number == appears_after:
            store(audience.account, *people)
        run(audience, *(said.operation(index) for index, said in enumerate(call)), unknown="hold")
    store(audience.account, *people)
    assert members_of(audience) == expected(calls)
