"""The plan against a second opinion: who is in which class, what is to be done, and what is written of it."""

from __future__ import annotations

import random
import uuid
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone

from audiences.models import Audience, Member, Objective, Profile, Suppression
from audiences.suppressions import to_hmac
from connectors.models import ConnectionObjective, Goal, GoalAudience, Mapping, Outcome, Run, Subscriber
from connectors.sync.planning.plan import Part, plan
from connectors.sync.sources import Shape, fingerprint_sql, inputs_sql
from tests.connectors.sync.world import World

PEOPLE = 700
SET_ASIDE = {"quarantined": "quarantined", "person": "rejected_before"}
GONE = ("unsubscribed", "bounced", "removed", "suppressed")
OPERATION = {
    "create": "upsert",
    "update": "upsert",
    "restore": "restore",
    "withdrawn": "unsubscribe",
}


@dataclass(slots=True)
class Somebody:
    """One person as the test made them, and what the list is remembered to hold of them (None: nothing)."""

    profile: Profile
    is_member: bool
    is_suppressed: bool
    wanted_elsewhere: bool
    memory: Subscriber | None = None
    hash: uuid.UUID | None = None

    @property
    def id(self) -> int:
        return int(self.profile.pk)

    def withheld(self) -> str | None:
        """The gate, in plain words."""
        address = self.profile.email
        if address is None:
            return "no_address"
        if "@" not in address or " " in address:
            return "invalid_address"
        if self.is_suppressed:
            return "suppressed"
        answer = self.profile.consents.get("newsletter", {}).get("state")
        return {"granted": None, "denied": "consent_denied", None: "no_consent"}[answer]

    def may_be_there(self) -> bool:
        known = self.memory
        if known is None or known.remote_state in GONE:
            return False
        return (
            known.accepted_hash is not None or bool(known.tried_addresses) or known.remote_state == "cleared"
        )

    def verdict(self, leavers: str) -> tuple[str, str]:
        """(what is to happen, why they are not on the list): the second opinion."""
        known = self.memory
        belongs = self.is_member or (known is not None and known.kept)
        if belongs:
            reason = self.withheld() or ""
            if not reason and known is not None and known.remote_state in GONE:
                reason = f"{known.remote_state}_at_esp"
        else:
            reason = (self.withheld() if self.may_be_there() else None) or "left"
        if reason:
            return self.taking_off(reason, leavers), reason
        if known is None:
            return "create", ""
        if known.dead_at is not None and known.error_class in SET_ASIDE and known.wanted_hash == self.hash:
            return SET_ASIDE[known.error_class], ""
        if known.remote_state == "left":
            return "restore", ""
        if known.accepted_hash is None and known.remote_state != "cleared":
            return "create", ""
        same = known.accepted_hash == self.hash and known.remote_state != "cleared" and not known.attempts
        return ("keep" if same else "update"), ""

    def taking_off(self, reason: str, leavers: str) -> str:
        if not self.may_be_there() or self.wanted_elsewhere:
            return "off"
        if reason != "left":
            return "withdrawn"
        done = leavers == "clear" and self.memory is not None and self.memory.remote_state == "cleared"
        return "off" if leavers == "keep" or done else "leave"


@pytest.fixture
def crowd(
    world: World, audience_of: Callable[..., Audience], objective_of: Callable[..., Objective]
) -> tuple[World, list[Somebody]]:
    """Two audiences fill the list, and another goal wants some of the same people."""
    account, chance = world.account, random.Random(3)
    second, other = audience_of(account, "Second"), audience_of(account, "Other")
    GoalAudience.objects.create(account=account, goal=world.goal, audience=second)
    Mapping.objects.create(account=account, goal=world.goal, source="profile:audiences", target="[Groups]")
    elsewhere = Goal.objects.create(
        account=account, connection=world.connection, name="Elsewhere", list_id=world.list_id
    )
    GoalAudience.objects.create(account=account, goal=elsewhere, audience=other)
    ConnectionObjective.objects.create(
        account=account, connection=world.connection, objective=objective_of(account, "offers")
    )
    ConnectionObjective.objects.filter(objective__key="offers").delete()
    profiles = Profile.objects.bulk_create(
        [random_profile(world, number, chance) for number in range(PEOPLE)]
    )
    members: list[Member] = []
    suppressed: list[Suppression] = []
    people = []
    for profile in profiles:
        audiences = [one for one in (world.audience, second) if chance.random() < 0.45]
        in_other = chance.random() < 0.1
        members += [membership(profile, one) for one in [*audiences, *([other] if in_other else [])]]
        is_suppressed = profile.email is not None and chance.random() < 0.1
        if is_suppressed:
            suppressed.append(
                Suppression(account=account, address_hmac=to_hmac(str(profile.email)), reason="manual")
            )
        somebody = Somebody(profile, bool(audiences), is_suppressed, False)
        somebody.wanted_elsewhere = in_other and somebody.withheld() is None
        people.append(somebody)
    Member.objects.bulk_create(members)
    Suppression.objects.bulk_create(suppressed)
    remember(world, people, chance)
    return world, people


def random_profile(world: World, number: int, chance: random.Random) -> Profile:
    address = chance.choice([None, "no address at all", *[f"person{number}@example.com"] * 10])
    if address == "no address at all":
        address = f"{number} nobody"
    answer = chance.choice([None, "denied", *["granted"] * 4])
    consents = (
        {} if answer is None else {"newsletter": {"state": answer, "at": "2026-01-01T00:00:00.000000Z"}}
    )
    return Profile(
        account=world.account,
        external_id=f"person-{number}",
        email=address,
        consents=consents,
        properties={"city": chance.choice(["Gent", "Brugge"]), "points": number},
    )


def membership(profile: Profile, audience: Audience) -> Member:
    now = timezone.now()
    return Member(
        account_id=profile.account_id,
        audience=audience,
        profile=profile,
        state="member",
        changed_at=now,
        added_at=now,
        generation=0,
    )


def hashes(goal: Goal) -> dict[int, uuid.UUID]:
    parameters: dict[str, Any] = {
        "account": goal.account_id,
        "audiences": list(goal.audience_links.values_list("audience_id", flat=True)),
    }
    fingerprint = fingerprint_sql(inputs_sql(Shape.of(goal), parameters))
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT p.id, {fingerprint} FROM audiences_profile p WHERE p.account_id = %(account)s",
            parameters,
        )
        return dict(cursor.fetchall())


def remember(world: World, people: Sequence[Somebody], chance: random.Random) -> None:
    """What may have happened to anybody before."""
    found = hashes(world.goal)
    before = Run.objects.create(account=world.account, goal=world.goal, trigger="change", state="running")
    for one in people:
        one.hash = found[one.id]
        if chance.random() < 0.2:
            continue
        accepted = chance.choice([None, one.hash, one.hash, one.hash, uuid.uuid4()])
        known = Subscriber(
            account=world.account,
            goal=world.goal,
            profile=one.profile,
            wanted=chance.choice(["on", "off"]),
            reason="",
            wanted_hash=chance.choice([one.hash, None]),
            accepted_hash=accepted,
            accepted_address=chance.choice([one.profile.email or "", "old@example.com"]) if accepted else "",
            remote_state=chance.choice(["", "active", "active", "left", "cleared", *GONE]),
            kept=not one.is_member and chance.random() < 0.3,
            attempts=chance.choice([0, 0, 0, 2]),
            tried_addresses=chance.choice([None, None, None, ["tried@example.com"]]),
        )
        if chance.random() < 0.15:
            known.dead_at, known.error_class = timezone.now(), chance.choice([*SET_ASIDE, "given_up"])
        elif chance.random() < 0.3:
            known.due_at, known.run, known.operation = timezone.now(), before, "upsert"
        one.memory = known
    Subscriber.objects.bulk_create([one.memory for one in people if one.memory is not None])


@pytest.mark.parametrize("leavers", Goal.Leavers.values)
def test_the_plan_agrees_with_a_second_opinion_on_everyone(crowd: tuple[World, list[Somebody]], leavers: str):
    world, people = crowd
    Goal.objects.filter(pk=world.goal.pk).update(leavers=leavers, removal_limit=PEOPLE)
    goal = Goal.objects.select_related("connection").get(pk=world.goal.pk)
    run = Run.objects.create(account=world.account, goal=goal, trigger="manual", full=True)
    with transaction.atomic():
        found = plan(goal, run.pk, Shape.of(goal))

    expected = {one.id: one.verdict(leavers) for one in people if one.is_member or one.memory is not None}
    verdicts = Counter(verdict for verdict, _ in expected.values())
    moved = sum(verdict == "update" and has_moved(one) for one, verdict in with_verdicts(people, expected))
    assert found.applies
    assert found.counts == {
        "added": verdicts["create"] + verdicts["restore"],
        "changed": verdicts["update"] - moved,
        "renamed": moved,
        "unchanged": verdicts["keep"],
        "leaving": verdicts["leave"],
        "withdrawn": verdicts["withdrawn"],
        "withheld": withheld(people, expected),
    }
    assert set(verdicts) >= {"create", "restore", "update", "keep", "withdrawn", "off", *SET_ASIDE.values()}
    assert found.removals == verdicts["leave"] + verdicts["withdrawn"]
    assert found.checked == found.created + found.updated + found.unchanged + found.skipped.total()
    rows = {row.profile_id: row for row in Subscriber.objects.filter(goal=goal)}
    for one, verdict in with_verdicts(people, expected):
        row, (_, reason) = rows[one.id], expected[one.id]
        if verdict in SET_ASIDE.values():
            assert (row.due_at, SET_ASIDE[row.error_class]) == (None, verdict)
            continue
        operation = leavers if verdict == "leave" else OPERATION.get(verdict, "")
        assert (row.operation, row.due_at is not None) == (operation, operation != ""), (verdict, vars(row))
        assert (row.reason, row.wanted) == (reason, "off" if reason else "on")
        assert row.run_id == (run.pk if operation else None)
        assert row.dead_at is None
        assert not (row.kept and one.is_member)
    told = Outcome.objects.filter(run=run)
    assert Counter(told.values_list("code", flat=True)) == found.skipped
    assert sum(found.superseded.values()) == Outcome.objects.exclude(run=run).count()


def test_samples_are_of_the_class_and_few(crowd: tuple[World, list[Somebody]]):
    world, people = crowd
    Goal.objects.filter(pk=world.goal.pk).update(leavers="remove", removal_limit=PEOPLE)
    goal = Goal.objects.select_related("connection").get(pk=world.goal.pk)
    with transaction.atomic():
        found = plan(goal, uuid.uuid4(), Shape.of(goal), part=Part.NOTHING)
    by_id = {one.id: one.verdict("remove") for one in people}
    counts = {**found.counts, **found.counts["withheld"]}
    for name, ids in found.samples.items():
        assert len(ids) == len(set(ids)) == min(20, counts[name])
        if name == "leaving":
            assert {by_id[one] for one in ids} == {("leave", "left")}
        if name in found.counts["withheld"] and name not in SET_ASIDE.values():
            assert {by_id[one][1] for one in ids} == {name}


def test_the_hash_knows_people_and_verdicts_but_no_names(crowd: tuple[World, list[Somebody]]):
    world, people = crowd
    goal = Goal.objects.select_related("connection").get(pk=world.goal.pk)

    def hashed() -> str:
        with transaction.atomic():
            return plan(goal, uuid.uuid4(), Shape.of(goal), part=Part.NOTHING).people_hash

    first = hashed()
    assert hashed() == first
    stays = next(one for one in people if one.is_member and one.verdict("keep")[0] == "keep")
    Profile.objects.filter(pk=stays.id).update(properties={"city": "Lier"})
    assert hashed() == first
    Profile.objects.filter(pk=stays.id).update(consents={})
    assert hashed() != first


def has_moved(one: Somebody) -> bool:
    known = one.memory
    return known is not None and known.accepted_address not in ("", one.profile.email) and one.is_member


def with_verdicts(
    people: Sequence[Somebody], expected: dict[int, tuple[str, str]]
) -> list[tuple[Somebody, str]]:
    return [(one, expected[one.id][0]) for one in people if one.id in expected]


def withheld(people: Sequence[Somebody], expected: dict[int, tuple[str, str]]) -> dict[str, int]:
    reasons: Counter[str] = Counter()
    for one, verdict in with_verdicts(people, expected):
        belongs = one.is_member or (one.memory is not None and one.memory.kept)
        if verdict in SET_ASIDE.values():
            reasons[verdict] += 1
        elif verdict == "off" and belongs:
            reasons[expected[one.id][1]] += 1
    return dict(reasons)


def test_a_plan_of_touched_people_reads_and_writes_only_them(crowd: tuple[World, list[Somebody]]):
    world, people = crowd
    goal = Goal.objects.select_related("connection").get(pk=world.goal.pk)
    before = {row.profile_id: row.updated_at for row in Subscriber.objects.filter(goal=goal)}
    touched = [one.id for one in people[:40]]
    run = Run.objects.create(account=world.account, goal=goal, trigger="change")
    with transaction.atomic():
        found = plan(goal, run.pk, Shape.of(goal), touched)
    assert 0 < found.checked <= 40
    after = {row.profile_id: row.updated_at for row in Subscriber.objects.filter(goal=goal)}
    assert {one for one in after if after[one] != before.get(one)} <= set(touched)
