"""Membership is a set: it follows from the last operation per person and audience, however operations arrive.

Through every door of the API: batches long and short, single calls, changes of several audiences; in any order, cut
anywhere, doubled, over HTTP semantics from key to answer. The oracle knows nothing of the code under test: a
dictionary of the latest operation.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count, pairwise
from urllib.parse import quote

import pytest
from django.conf import settings as configured
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audiences.models import Pending, Profile
from syncapp.accounts import scope
from tests.api.test_batch import adds_up

PEOPLE = ("ann", "bea", "cas", "dre")
AUDIENCES = ("one", "two")
DOORS = ("long", "short", "single", "several")
NAMES = ("external_id", "email", "email_sha256", "id")
START = datetime.now(UTC) - timedelta(days=2)
numbers = count()


@dataclass(frozen=True)
class Said:
    """One thing said of one person in one audience at one minute; said again it is the same thing."""

    audience: str
    person: str
    minute: int
    add: bool

    @property
    def op(self) -> str:
        return "add" if self.add else "remove"

    @property
    def at(self) -> str:
        return (START + timedelta(minutes=self.minute)).isoformat()


@st.composite
def histories(draw):
    """[(door, kind of name, [what is said])]: everything said, doubled at will, in any order, cut anywhere."""
    keys = st.tuples(st.sampled_from(AUDIENCES), st.sampled_from(PEOPLE), st.integers(0, 900))
    moments = draw(st.lists(keys, min_size=1, max_size=14, unique=True))
    said = [Said(*key, draw(st.booleans())) for key in moments]
    order = draw(st.permutations(said + draw(st.lists(st.sampled_from(said), max_size=8))))
    cuts = sorted(draw(st.sets(st.integers(1, len(order)), max_size=6)) | {0, len(order)})
    return [
        (draw(st.sampled_from(DOORS)), draw(st.sampled_from(NAMES)), list(order[start:end]))
        for start, end in pairwise(cuts)
    ]


def expected(calls) -> dict[str, set[str]]:
    last: dict[tuple[str, str], Said] = {}
    for said in (said for _, _, call in calls for said in call):
        key = (said.audience, said.person)
        if key not in last or said.minute > last[key].minute:
            last[key] = said
    return {
        audience: {person for (where, person), said in last.items() if where == audience and said.add}
        for audience in AUDIENCES
    }


class World:
    """Two audiences of fresh names, and four people who are known or are to become so."""

    def __init__(self, api, account, unknown) -> None:
        self.api, self.account, self.unknown = api, account, unknown
        number = next(numbers)
        self.audiences = {name: f"{name}-{number}" for name in AUDIENCES}
        with scope.account(account):
            Pending.objects.all().delete()
            Profile.objects.all().delete()
        for external_id in self.audiences.values():
            body = {"name": external_id, "unknown_contacts": unknown}
            assert api.put(f"/audiences/{external_id}", body).status_code == 201

    def make_people(self) -> None:
        """As another audience's members; what waited for them is carried out."""
        self.api.put("/audiences/everybody", {"name": "Everybody"})
        operations = [
            {"op": "add", "id": person, "contact": {"email": address_of(person)}} for person in PEOPLE
        ]
        made = self.api.batch("everybody", {"unknown_contacts": "create", "operations": operations})
        assert made.json()["summary"]["failed"] == 0, made.content

    def name(self, person: str, kind: str) -> str:
        if kind == "id":
            with scope.account(self.account):
                return str(Profile.objects.get(external_id=person).pk)
        address = address_of(person)
        names = {"external_id": person, "email": address.upper()}
        return names.get(kind) or hashlib.sha256(address.encode()).hexdigest()

    def say(self, door: str, kind: str, call: list[Said]) -> None:
        getattr(self, f"say_{door}")(kind, call)
        self.check_counts()

    def say_long(self, kind: str, call: list[Said]) -> None:
        for audience, external_id in self.audiences.items():
            items = [self.item(said, kind) for said in call if said.audience == audience]
            if items:
                answer = self.api.batch(external_id, {"identifier": kind, "operations": items})
                self.check(answer, len(items))

    def say_short(self, kind: str, call: list[Said]) -> None:
        """One moment per call: the short form has no other."""
        for said in call:
            body = {"identifier": kind, "emitted_at": said.at, said.op: [self.name(said.person, kind)]}
            self.check(self.api.batch(self.audiences[said.audience], body), 1)

    def say_single(self, kind: str, call: list[Said]) -> None:
        """By external id, which is the only name in a path."""
        for said in call:
            path = f"/audiences/{self.audiences[said.audience]}/members/{said.person}"
            if said.add:
                assert self.api.put(path, {"occurred_at": said.at}).status_code in (200, 201, 202)
            else:
                assert self.api.delete(f"{path}?occurred_at={quote(said.at)}").status_code == 204

    def say_several(self, kind: str, call: list[Said]) -> None:
        items = [{"audience": self.audiences[said.audience], **self.item(said, kind)} for said in call]
        answer = self.api.post("/membership-changes", {"identifier": kind, "operations": items})
        self.check(answer, len(items))
        received = [each["summary"]["received"] for each in answer.json()["audiences"]]
        assert sum(received) == len(items)

    def item(self, said: Said, kind: str) -> dict[str, str]:
        return {"op": said.op, "id": self.name(said.person, kind), "occurred_at": said.at}

    def check(self, answer, received: int) -> None:
        assert answer.status_code == 200, answer.content
        summary = answer.json()["summary"]
        assert summary["received"] == received
        assert adds_up(summary)

    def check_counts(self) -> None:
        for external_id in self.audiences.values():
            shown = self.api.get(f"/audiences/{external_id}").json()
            held = self.api.get(f"/audiences/{external_id}/held").json()["items"]
            assert shown["member_count"] == len(self.api.members(external_id))
            assert shown["held_count"] == len(held)

    def members(self) -> dict[str, set[str]]:
        return {name: set(self.api.members(external_id)) for name, external_id in self.audiences.items()}


def address_of(person: str) -> str:
    return f"{person}@example.com"


@pytest.fixture
def world_of(api, ann_account, monkeypatch):
    monkeypatch.setattr(configured, "API_REQUESTS_PER_MINUTE", 1_000_000)
    return lambda unknown: World(api, ann_account, unknown)


thorough = settings(
    max_examples=20,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@thorough
@given(calls=histories())
def test_known_people_through_any_door_by_any_name(world_of, calls):
    world = world_of("reject")
    world.make_people()
    for call in calls:
        world.say(*call)
    assert world.members() == expected(calls)


@thorough
@given(calls=histories(), appears_after=st.integers(0, 6))
def test_people_who_become_known_on_the_way(world_of, calls, appears_after):
    """Held by external id, address or hash: whatever they waited by, the latest operation decides."""
    world = world_of("hold")
    for number, (door, kind, call) in enumerate(calls):
        if number == appears_after:
            world.make_people()
        world.say(door, "email" if kind == "id" else kind, call)
    world.make_people()
    assert world.members() == expected(calls)


@thorough
@given(calls=histories())
def test_people_made_on_the_way(world_of, calls):
    """By external id: an address alone cannot tell whose trace a removal left."""
    world = world_of("create")
    for door, _, call in calls:
        world.say(door, "external_id", call)
    assert world.members() == expected(calls)
