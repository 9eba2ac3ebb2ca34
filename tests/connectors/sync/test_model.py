"""Anything, in any order: what hypothesis thinks of happens to a few people, and an oracle says who may be mailed.

The database and the ESP's simulator are real; the worker's handlers are called one by one, so that crashes and late
answers happen where they hurt. The oracle knows what was said of people, not how the engine remembers it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import transaction
from django.db.models import Count, F
from django.utils import timezone
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from audiences.ingest import apply
from audiences.ingest.types import ConsentGiven, Contact, Operation
from audiences.models import Objective, Property
from audiences.suppressions import suppress, unsuppress
from connectors.models import Connection, ConnectionObjective, Flight, Goal, Mapping, Outcome, Run, Subscriber
from connectors.models.subscriber import UNKNOWN_HASH
from connectors.sync import esp, runs
from connectors.sync.delivering import deadletters
from connectors.sync.delivering.claiming import Batch, claim
from connectors.sync.delivering.confirming import confirm
from connectors.sync.delivering.sending import Sent, Target, send
from connectors.sync.sources import Shape, contact_maker
from connectors.tasks import execute_run
from syncapp.work import Slice
from tests.connectors.sync.world import SEED, World

PARTS = 4  # for workers of pytest-xdist to share
RUNS = 51  # of each part
STEPS = 10
PHASES = [Phase.generate]  # shrinking takes minutes: a failure prints how to run it again
PEOPLE = range(4)
OBJECTIVES = ("newsletter", "offers")
BEGINNING = datetime(2026, 1, 1, tzinfo=UTC)
STRANGER = "stranger@example.com"
NEVER_ASKED = "person3-0@example.com"  # on the list before anyone of ours was
STRANGERS = [
    {"email": STRANGER, "name": "Stranger", "fields": {"City": "Far"}},
    {"email": "left@example.com", "name": "Left", "state": "Unsubscribed"},
    {"email": NEVER_ASKED, "name": "Before us", "fields": {"City": "Old"}},
]
AUDIENCES = "[Audiences]"  # filled with what people are members of, emptied of leavers
FAULTS: list[dict[str, Any]] = [
    {"kind": "rate_limited", "retry_after": 1},
    {"kind": "status", "status": 503},
    {"kind": "reset_before"},
    {"kind": "reset_after"},
]

people = st.sampled_from(PEOPLE)


def address_of(person: int, number: int) -> str:
    return f"person{person}-{number}@example.com"


@dataclass
class Person:
    """What was said of somebody. `wanted_at`: where they might have been mailed at any time."""

    address: str | None = None
    is_member: bool = False
    properties: dict[str, object] = field(default_factory=dict)
    answers: dict[str, tuple[datetime, bool]] = field(default_factory=dict)
    wanted_at: set[str | None] = field(default_factory=set)
    said_no: bool = False  # or might have: whoever brings them back may have to wait for them

    def answer(self, objective: str, at: datetime, denied: bool) -> None:
        """The later one counts, and of two at the same time the denial."""
        self.answers[objective] = max(self.answers.get(objective, (BEGINNING, False)), (at, denied))


class Exports(RuleBasedStateMachine):
    """One goal, four people with three addresses each, two objectives, a list with strangers on it."""

    world: World  # set by the test

    def __init__(self) -> None:
        super().__init__()
        self.people: dict[int, Person] = {}
        self.suppressed: set[str] = set()
        self.attached = {"newsletter"}
        self.city_from = "city"
        self.in_the_dark = False  # an answer was lost: nobody knows who took whom off
        self.zombies: list[tuple[Batch, Sent | None]] = []
        self.undo = transaction.atomic()
        self.undo.__enter__()

    @initialize()
    def begin(self) -> None:
        simulator = self.world.simulator
        simulator.reset()
        a_list = SEED["clients"][0]["lists"][0]
        fields = [*a_list["fields"], {"name": "Audiences"}]
        a_list = {**a_list, "fields": fields, "subscribers": STRANGERS}
        seed = {"clients": [{**SEED["clients"][0], "lists": [a_list]}]}
        assert simulator.seed(seed)["clients"][0]["lists"][0]["id"] == self.world.list_id
        self.strangers = {row["email"]: row for row in simulator.subscribers(self.world.list_id)}

    def teardown(self) -> None:
        try:
            if hasattr(self, "strangers"):
                self.settle()
        finally:
            transaction.set_rollback(True)
            self.undo.__exit__(None, None, None)

    # What happens to people

    @rule(
        person=people,
        number=st.integers(0, 2),
        city=st.sampled_from(["Gent", "Brugge", None]),
        points=st.sampled_from([0, 7, None]),
        consents=st.booleans(),
    )
    def push(self, person: int, number: int, city: str | None, points: int | None, consents: bool) -> None:
        """Added, changed, or moved to another address."""
        known = self.people.setdefault(person, Person())
        known.address, known.is_member = address_of(person, number), True
        known.properties = {"first_name": f"Name {person}", "city": city, "points": points}
        given = ()
        if consents:
            at = timezone.now()
            known.answer("newsletter", at, False)
            given = (ConsentGiven("newsletter", "granted", at),)
        self.ingest(person, "add", Contact(email=known.address, properties=known.properties), given)

    @precondition(lambda self: self.people)
    @rule(data=st.data(), away=st.booleans())
    def join_or_leave(self, data: st.DataObject, away: bool) -> None:
        person = data.draw(st.sampled_from(sorted(self.people)))
        self.people[person].is_member = not away
        self.ingest(person, "remove" if away else "add", None)

    @precondition(lambda self: self.people)
    @rule(data=st.data(), number=st.integers(0, 2))
    def rename(self, data: st.DataObject, number: int) -> None:
        """Another address and nothing else, whether they are in the audience or not."""
        person = data.draw(st.sampled_from(sorted(self.people)))
        self.people[person].address = address_of(person, number)
        self.ingest(person, "upsert", Contact(email=address_of(person, number)))

    @precondition(lambda self: self.people)
    @rule(data=st.data())
    def lose_address(self, data: st.DataObject) -> None:
        person = data.draw(st.sampled_from(sorted(self.people)))
        self.people[person].address = None
        self.people[person].is_member = True
        self.ingest(person, "add", Contact(email=None))

    @precondition(lambda self: self.people)
    @rule(
        data=st.data(),
        objective=st.sampled_from(OBJECTIVES),
        denied=st.booleans(),
        ago=st.sampled_from([timedelta(0), timedelta(0), timedelta(hours=5), None]),
    )
    def answer(self, data: st.DataObject, objective: str, denied: bool, ago: timedelta | None) -> None:
        """Newer, older, or (None) at the very moment of the answer that stands."""
        person = data.draw(st.sampled_from(sorted(self.people)))
        stands = self.people[person].answers.get(objective)
        at = timezone.now() - (ago or timedelta(0))
        if ago is None and stands is not None:
            at = stands[0]
        self.people[person].answer(objective, at, denied)
        given = ConsentGiven(objective, "denied" if denied else "granted", at)
        self.ingest(person, "upsert", None, (given,))

    @rule(person=people, number=st.integers(0, 2))
    def suppress(self, person: int, number: int) -> None:
        self.suppressed.add(address_of(person, number))
        suppress(self.world.account, address_of(person, number), reason="complaint", source="test")

    @precondition(lambda self: self.suppressed)
    @rule(data=st.data())
    def unsuppress(self, data: st.DataObject) -> None:
        address = data.draw(st.sampled_from(sorted(self.suppressed)))
        self.suppressed.remove(address)
        unsuppress(self.world.account, address, source="test")

    # What staff do

    @rule(objective=st.sampled_from(OBJECTIVES))
    def attach_or_detach(self, objective: str) -> None:
        self.attached ^= {objective}
        links = ConnectionObjective.objects.filter(objective__key=objective)
        if objective in self.attached:
            wanted = Objective.objects.get(key=objective)
            ConnectionObjective.objects.create(
                account=self.world.account, connection=self.world.connection, objective=wanted
            )
        else:
            links.delete()
        Goal.objects.update(needs_full_run=True)

    @rule(leavers=st.sampled_from(Goal.Leavers.values))
    def change_leavers(self, leavers: str) -> None:
        Goal.objects.update(leavers=leavers, version=F("version") + 1, needs_full_run=True)

    @rule()
    def change_mapping(self) -> None:
        self.city_from = "town" if self.city_from == "city" else "city"
        Mapping.objects.filter(target="[City]").update(source=f"property:{self.city_from}")
        Goal.objects.update(version=F("version") + 1, needs_full_run=True)
        self.run_fully()

    @rule(on=st.booleans())
    def switch(self, on: bool) -> None:
        Connection.objects.update(enabled=on)

    # What the worker does

    @rule()
    def run_fully(self) -> None:
        try:
            run = runs.queue_full_run(self.goal, trigger=Run.Trigger.MANUAL)
        except runs.CannotRun:
            return
        execute_run(self.world.account.pk, str(run.pk), Slice())
        run.refresh_from_db()
        if run.state == Run.State.HELD:
            self.world.approve(run)

    @rule()
    def replay(self) -> None:
        """Somebody has the failed people tried again."""
        try:
            deadletters.replay(self.goal, None)
        except (deadletters.NobodyToReplay, runs.CannotRun):
            return

    @rule(hours=st.sampled_from([-30, -1, 1, 100]))
    def jump_the_clock(self, hours: int) -> None:
        """As if the clock had been wrong while people were told to wait."""
        by = timedelta(hours=hours)
        Subscriber.objects.exclude(due_at=None).update(due_at=F("due_at") - by)
        Subscriber.objects.exclude(first_failed_at=None).update(first_failed_at=F("first_failed_at") - by)

    @rule()
    def plan(self) -> None:
        self.world.plan()

    @rule()
    def deliver(self) -> None:
        self.world.deliver()

    @rule()
    def work(self) -> None:
        self.world.work()

    @rule(fault=st.sampled_from(FAULTS), match=st.sampled_from(["subscribers.import", "*"]))
    def deliver_with_trouble(self, fault: dict[str, object], match: str) -> None:
        self.in_the_dark = True
        self.world.plan()
        self.world.simulator.faults([{**fault, "match": match}])
        self.world.deliver()
        self.world.simulator.clear_faults()

    @rule(person=people, number=st.integers(0, 2), code=st.sampled_from([1, 500]))
    def deliver_with_a_refusal(self, person: int, number: int, code: int) -> None:
        """500 of one person means: later."""
        self.world.plan()
        fault = {"kind": "partial", "addresses": {address_of(person, number): code}, "count": None}
        self.world.simulator.faults([fault])
        self.world.deliver()
        self.world.simulator.clear_faults()

    @precondition(lambda self: self.people)
    @rule(
        operation=st.sampled_from(Outcome.Operation.values), sends=st.booleans(), suspected=st.integers(0, 2)
    )
    def crash(self, operation: str, sends: bool, suspected: int) -> None:
        """A worker claims, sends or not, and says nothing any more."""
        if runs.obstacle(self.goal):
            return
        self.in_the_dark = True
        for batch in claim(self.goal, Shape.of(self.goal), operation, 2, suspected=suspected):
            self.zombies.append((batch, self.send(batch) if sends else None))

    @precondition(lambda self: self.zombies)
    @rule()
    def wake_a_zombie(self) -> None:
        """A worker that was taken for dead goes on, long after."""
        batch, sent = self.zombies.pop(0)
        confirm(self.goal, batch, (sent or self.send(batch)).news)

    # What happens at the ESP

    @rule(
        act=st.sampled_from(["unsubscribe", "bounce", "complain", "delete"]),
        person=people,
        number=st.integers(0, 2),
    )
    def opt_out_there(self, act: str, person: int, number: int) -> None:
        address = address_of(person, number)
        if address not in self.strangers and self.rows.get(address, {}).get("state") == "Active":
            self.people[person].said_no = True
            self.world.simulator.act(act, list_id=self.world.list_id, email=address)

    # What has to be so

    @invariant()
    def runs_add_up(self) -> None:
        told = Outcome.objects.values_list("run_id", "operation").annotate(people=Count("profile_id"))
        people = {(run_id, operation): count for run_id, operation, count in told}
        for run in Run.objects.all():
            assert run.adds_up, vars(run)
            assert run.is_open or not (run.waiting or run.removal_waiting), vars(run)
            sent = run.created + run.updated + run.skipped_total + run.rejected + run.dead
            removed = run.removed + run.removal_rejected + run.removal_skipped + run.removal_dead
            assert sum(people.get((run.pk, one), 0) for one in Outcome.ADDING) == sent, vars(run)
            assert sum(people.get((run.pk, one), 0) for one in Outcome.TAKING_OFF) == removed, vars(run)

    @invariant()
    def remember_who_is_wanted(self) -> None:
        for person in self.people.values():
            if person.is_member and self.may_be_mailed(person):
                person.wanted_at.add(person.address)
            elif person.wanted_at and not self.may_be_mailed(person):
                person.said_no = True

    @rule()
    def settle(self) -> None:
        """Everything is repaired, and time passes until nobody has anything to do."""
        while self.zombies:
            self.wake_a_zombie()
        Connection.objects.update(enabled=True)
        if not self.attached:
            self.attach_or_detach("newsletter")
        self.world.simulator.clear_faults()
        self.world.work()
        self.run_fully()
        self.replay()
        for _ in range(12):
            Subscriber.objects.exclude(due_at=None).update(due_at=BEGINNING)
            if self.world.work() is None:
                break
        self.nothing_is_left_to_do()
        self.right_people_are_on_the_list()
        self.strangers_are_as_they_were()
        self.memory_is_right()

    def nothing_is_left_to_do(self) -> None:
        assert not Subscriber.objects.exclude(due_at=None).exists()
        assert not Flight.objects.exists()
        assert not Run.objects.filter(state__in=Run.OPEN).exists()
        self.runs_add_up()
        self.remember_who_is_wanted()

    def right_people_are_on_the_list(self) -> None:
        rows, ours = self.rows, self.world.simulator.addresses(self.world.list_id)
        leavers = self.goal.leavers
        for number in PEOPLE:
            person = self.people.get(number, Person())
            mailed = self.may_be_mailed(person)
            for other in range(3):
                address = address_of(number, other)
                active = rows.get(address, {}).get("state") == "Active"
                if address not in ours:
                    continue
                if active and person.is_member:
                    assert mailed, f"{address} may not be mailed"
                    assert address == person.address, f"{address} is an old address"
                elif active:
                    assert leavers in (Goal.Leavers.KEEP, Goal.Leavers.CLEAR), f"{address} left"
                    assert mailed, f"{address} left and may not be mailed"
                    assert leavers == Goal.Leavers.KEEP or not rows[address]["fields"].get("Audiences")
            if person.is_member and mailed and not self.opted_out(number, person, rows):
                assert person.address in rows, f"{person.address} is missing"
                self.fields_are_right(person, rows[person.address])

    def fields_are_right(self, person: Person, row: dict[str, Any]) -> None:
        points = person.properties.get("points")
        wanted = {
            "Audiences": self.world.audience.name,
            "City": str(person.properties.get(self.city_from) or ""),
            "Points": "" if points is None else str(points),
        }
        assert row["state"] == "Active"
        assert row["name"] == person.properties["first_name"]
        assert {key: row["fields"].get(key, "") for key in wanted} == wanted

    def strangers_are_as_they_were(self) -> None:
        rows, ours = self.rows, self.world.simulator.addresses(self.world.list_id)
        for address, row in self.strangers.items():
            if address not in ours:
                assert rows[address] == row
            else:
                assert address in self.people[3].wanted_at

    def memory_is_right(self) -> None:
        rows = self.rows
        for known in Subscriber.objects.select_related("profile"):
            if known.wanted != "on":
                continue
            assert known.accepted_hash not in (None, UNKNOWN_HASH) or known.error_code, vars(known)
            row = rows[known.accepted_address]
            opted_out = row["state"] in ("Unsubscribed", "Bounced", "Deleted")
            assert opted_out or known.accepted_address == known.profile.email
            assert opted_out or known.accepted_hash == known.wanted_hash
            assert opted_out or known.remote_state == "active"

    # The oracle

    def may_be_mailed(self, person: Person) -> bool:
        answers = [person.answers[key] for key in self.attached if key in person.answers]
        agreed = any(not denied for _, denied in answers)
        return agreed and person.address is not None and person.address not in self.suppressed

    def opted_out(self, number: int, person: Person, rows: dict[str, dict[str, Any]]) -> bool:
        """Somebody said no at the ESP, or we took them off: nobody is brought back by us."""
        if not (self.in_the_dark or person.said_no):
            return False  # also who left and is back
        states = [rows.get(address_of(number, other), {}).get("state") for other in range(3)]
        here = rows.get(str(person.address), {}).get("state", "Active")
        return here != "Active" or "Unsubscribed" in states or "Bounced" in states

    # Tools

    @property
    def goal(self) -> Goal:
        goal: Goal = Goal.objects.select_related("connection").get()
        return goal

    @property
    def rows(self) -> dict[str, dict[str, Any]]:
        return {row["email"]: row for row in self.world.simulator.subscribers(self.world.list_id)}

    def send(self, batch: Batch) -> Sent:
        to_contact = contact_maker(Shape.of(self.goal))
        with esp.connect(self.world.authorization, self.world.connection) as connector:
            return send(Target(connector, self.world.list_id, None, to_contact, (AUDIENCES,)), batch)

    def ingest(
        self, person: int, op: Any, contact: Contact | None, consents: tuple[ConsentGiven, ...] = ()
    ) -> None:
        result = apply(
            account=self.world.account,
            audience=None if op == "upsert" else self.world.audience,
            operations=[Operation(0, op, "external_id", f"person-{person}", contact, consents)],
            unknown="create",
            source="test",
        )
        assert result.errors == ()


@pytest.mark.parametrize("part", range(PARTS))
def test_whatever_happens_only_the_right_people_are_mailed(world: World, part: int):
    Objective.objects.create(account=world.account, key="offers", label="Offers")
    Property.objects.create(account=world.account, key="town", label="Town")
    Mapping.objects.create(
        account=world.account, goal=world.goal, source="profile:audiences", target=AUDIENCES, position=9
    )
    Exports.world = world
    run_state_machine_as_test(
        Exports,
        settings=settings(
            max_examples=RUNS,
            stateful_step_count=STEPS,
            deadline=None,
            database=None,
            print_blob=True,
            phases=PHASES,
            suppress_health_check=list(HealthCheck),
        ),
    )
