"""Reading a list back: every difference found, nobody reported who does not differ, all repaired in one run."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from audiences.models import Consent, Profile
from connectors.esp.contract import FieldType
from connectors.models import Finding, Goal, GoalAudience, ListEntry, Reconciliation, Run, Subscriber
from connectors.sync import esp
from connectors.sync.deciding import holding
from connectors.sync.reconciling import nightly, reconcile, repairing
from connectors.sync.reconciling.likeness import alike
from connectors.tasks import execute_run, reconcile_goal
from syncapp.notices.models import Alert
from syncapp.work import Slice
from tests.connectors.sync.world import World

Kind = Finding.Kind
pytestmark = pytest.mark.django_db(
    transaction=True
)  # within one transaction, the database's clock stands still


def people(count: int, word: str = "person") -> list[str]:
    return [f"{word}{number:04d}@example.com" for number in range(count)]


def put_on_list(world: World, addresses: list[str]) -> None:
    world.push(*addresses, city="Gent", points=7, first_name="Eve")
    world.work()
    Goal.objects.filter(pk=world.goal.pk).update(approved_version=1, needs_full_run=False)


def step(world: World, reconciliation: Reconciliation, slice_: Slice | None = None) -> float | None:
    return reconcile_goal(world.account.pk, str(reconciliation.pk), slice_ or Slice())


def compare(world: World) -> Reconciliation:
    """A reconciliation from beginning to end."""
    found = reconcile.queue(world.goal, trigger="manual")
    while step(world, found) is not None:
        pass
    found.refresh_from_db()
    return found


def findings(reconciliation: Reconciliation, kind: str) -> set[str]:
    rows = Finding.objects.filter(reconciliation=reconciliation, kind=kind)
    return set(rows.values_list("address", flat=True))


def repair(world: World, reconciliation: Reconciliation, *kinds: str, user: Any = None) -> Run:
    """Prepared, approved where somebody has to, planned and delivered."""
    repairing.repair(reconciliation, user, kinds or [kind.value for kind in repairing.REPAIRABLE])
    assert step(world, reconciliation) is None
    reconciliation.refresh_from_db()
    run = reconciliation.repair_run
    assert run is not None
    carry_out(world, run, user)
    run.refresh_from_db()
    return run


def carry_out(world: World, run: Run, user: Any) -> None:
    """Planned, held, approved, planned again and delivered."""
    world.plan()
    execute_run(world.account.pk, str(run.pk), Slice())
    run.refresh_from_db()
    assert (run.state, run.plan["why_held"]) == (Run.State.HELD, "repair")
    holding.approve(run, user, run.plan_hash, "the differences were looked at")
    execute_run(world.account.pk, str(run.pk), Slice())
    while world.deliver() is not None:
        pass


def add_at_esp(world: World, *addresses: str, state: str = "Active") -> None:
    rows = [{"email": address, "state": state} for address in addresses]
    lists = [{"id": world.list_id, "title": "News", "subscribers": rows}]
    world.simulator.seed({"clients": [{"id": world.connection.client_id, "lists": lists}]})


def rename_at_esp(world: World, old: str, new: str) -> None:
    with esp.connect(world.authorization, world.connection) as connector:
        connector.rename(world.list_id, old, new)


def act(world: World, action: str, address: str, **data: Any) -> None:
    world.simulator.act(action, list_id=world.list_id, email=address, **data)


def test_who_is_in_step_is_nowhere_but_in_the_matrix(world: World):
    put_on_list(world, people(3))
    world.push("shy@example.com", consent=None)
    world.work()
    found = compare(world)
    assert (found.state, found.differences, found.moving) == ("done", {}, 0)
    assert found.matrix == {"wanted": {"active": [3, 0]}, "others": {"absent": [1, 0]}}
    assert found.fields == ["[City]", "[Points]", "name"]
    assert not ListEntry.objects.exists()


@pytest.mark.parametrize("is_busy", [False, True])
def test_three_hundred_drifts_are_found_and_repaired_in_one_run(world: World, ann: Any, is_busy: bool):
    """R18: missing, extra, changed field, wrong state; none false, with and without traffic meanwhile."""
    addresses = people(2600)
    put_on_list(world, addresses)
    missing, edited, gone, bounced = (
        addresses[100:175],
        addresses[300:375],
        addresses[1200:1250],
        addresses[2300:2325],
    )
    for number, address in enumerate(missing):
        rename_at_esp(world, address, f"renamed{number}@example.com")
    for address in edited:
        act(world, "edit", address, fields={"City": "Antwerpen"})
    for address in gone:
        act(world, "unsubscribe", address)
    for address in bounced:
        act(world, "bounce", address)

    found = reconcile.queue(world.goal, trigger="manual")
    if is_busy:
        make_traffic_between_pages(world, found, leavers=addresses[:40], movers=addresses[400:440])
    while step(world, found) is not None:
        pass
    found.refresh_from_db()

    assert findings(found, Kind.MISSING) == set(missing)
    assert findings(found, Kind.EXTRA) == {f"renamed{number}@example.com" for number in range(75)}
    assert findings(found, Kind.FIELDS) == set(edited)
    assert findings(found, Kind.STATE) == {*gone, *bounced}
    assert found.found == 300
    assert found.moving == (80 if is_busy else 0)

    run = repair(world, found, user=ann)
    assert run.trigger == Run.Trigger.REPAIR
    assert (run.created, run.updated, run.adds_up) == (75, 75, True)
    again = compare(world)
    assert again.differences == {"extra": 75}
    assert {world.subscriber(address).reason for address in gone} == {"consent_denied"}
    assert {world.subscriber(address).reason for address in bounced} == {"bounced_at_esp"}


def make_traffic_between_pages(
    world: World, found: Reconciliation, *, leavers: list[str], movers: list[str]
) -> None:
    """After the first page: people on it withdraw, so that all later ones move up; others change and are new."""
    step(world, found, OnePage())
    found.refresh_from_db()
    assert (found.state, found.read) == ("reading", 1000)
    for address in leavers:
        world.answer(address, "denied")
    world.push(*movers, city="Brugge")
    world.plan()
    while world.deliver() is not None:
        pass


class OnePage(Slice):
    """Over after the first page."""

    def __init__(self) -> None:
        super().__init__()
        self._asked = 0

    def is_over(self) -> bool:
        self._asked += 1
        return self._asked > 3


def test_a_crash_goes_on_with_the_next_page(world: World):
    put_on_list(world, people(2100))
    found = reconcile.queue(world.goal, trigger="manual")
    assert step(world, found, OnePage()) == 0
    world.simulator.clear_counters()
    found.refresh_from_db()
    assert (found.part, found.cursor, found.read, found.percent) == ("active", "2", 1000, 47)
    while step(world, found) is not None:
        pass
    found.refresh_from_db()
    assert found.matrix == {"wanted": {"active": [2100, 0]}}
    assert world.simulator.counters()["lists.active"]["requests"] == 2


def test_a_page_kept_by_another_worker_is_not_kept_twice(world: World):
    put_on_list(world, people(3))
    found = reconcile.queue(world.goal, trigger="manual")
    step(world, found, OnePage())
    late = Reconciliation.objects.get(pk=found.pk)
    while step(world, found) is not None:
        pass
    with esp.connect(world.authorization, world.connection) as connector, pytest.raises(reconcile.Overtaken):
        reconcile.Reading(late, connector, Slice()).read()
    found.refresh_from_db()
    assert (found.state, found.read) == ("done", 3)


def test_who_changed_meanwhile_is_in_movement(world: World):
    put_on_list(world, people(3))
    act(world, "edit", "person0001@example.com", fields={"City": "Antwerpen"})
    found = reconcile.queue(world.goal, trigger="manual")
    step(world, found, OnePage())
    world.push("person0000@example.com", city="Brugge")
    world.push("new@example.com")
    while step(world, found) is not None:
        pass
    found.refresh_from_db()
    moving = Finding.objects.filter(reconciliation=found, side="moving").values_list("address", "why")
    assert dict(moving) == {"new@example.com": "unplanned"}
    assert findings(found, Kind.FIELDS) == {"person0001@example.com"}


def test_an_unsubscribe_at_the_esp_becomes_withdrawn_consent_at_once(world: World, ann: Any):
    put_on_list(world, people(2))
    act(world, "unsubscribe", "person0000@example.com")
    found = compare(world)
    assert found.matrix == {"wanted": {"active": [1, 0], "unsubscribed": [1, 1]}}
    repairing.repair(found, ann, [Kind.STATE])
    step(world, found)
    profile = Profile.objects.get(email="person0000@example.com")
    assert profile.consents["newsletter"]["state"] == "denied"
    consent = Consent.objects.get(profile=profile, state="denied")
    assert consent.source == f"connection:{world.connection.pk}"
    assert consent.evidence["list"] == world.list_id
    world.simulator.clear_counters()
    world.work()
    assert world.subscriber("person0000@example.com").reason == "consent_denied"
    assert "subscribers.unsubscribe" not in world.simulator.counters()


def test_a_newer_opt_in_is_not_overruled_by_an_old_unsubscribe(world: World, ann: Any):
    put_on_list(world, people(1))
    act(world, "unsubscribe", "person0000@example.com")
    found = compare(world)
    Finding.objects.filter(reconciliation=found).update(since=timezone.now() - timedelta(days=3))
    repairing.repair(found, ann, [Kind.STATE])
    step(world, found)
    assert Profile.objects.get().consents["newsletter"]["state"] == "granted"
    world.work()
    assert world.subscriber("person0000@example.com").reason == "unsubscribed_at_esp"


def test_nobody_whom_we_did_not_add_is_repaired_away(world: World, ann: Any):
    put_on_list(world, people(1))
    add_at_esp(world, "walkin@example.com")
    world.push("shy@example.com", consent=None)
    world.work()
    add_at_esp(world, "shy@example.com")
    found = compare(world)
    assert findings(found, Kind.EXTRA) == {"walkin@example.com", "shy@example.com"}
    known = Finding.objects.get(reconciliation=found, address="shy@example.com")
    assert (known.profile.email, known.why) == ("shy@example.com", "no_consent")
    with pytest.raises(repairing.CannotRepair, match="Choose what to repair"):
        repairing.repair(found, ann, [Kind.EXTRA])
    repair(world, found, user=ann)
    assert world.on_list["walkin@example.com"] == world.on_list["shy@example.com"] == "Active"


def test_who_was_taken_off_and_is_mailed_again_is_taken_off_when_asked(world: World, ann: Any):
    put_on_list(world, people(2))
    world.answer("person0000@example.com", "denied")
    world.work()
    assert world.on_list["person0000@example.com"] == "Unsubscribed"
    add_at_esp(world, "person0000@example.com")
    found = compare(world)
    assert found.differences == {"stays": 1}
    run = repair(world, found, Kind.STAYS, user=ann)
    assert (run.removed, world.on_list["person0000@example.com"]) == (1, "Unsubscribed")
    assert compare(world).differences == {}


def test_who_came_back_at_the_esp_is_kept_in_step_again(world: World, ann: Any):
    put_on_list(world, people(1))
    act(world, "unsubscribe", "person0000@example.com")
    world.push("person0000@example.com", city="Brugge")
    world.work()
    assert world.subscriber("person0000@example.com").remote_state == "unsubscribed"
    add_at_esp(world, "person0000@example.com")
    found = compare(world)
    assert found.differences == {"back": 1}
    run = repair(world, found, Kind.BACK, user=ann)
    assert run.updated == 1
    assert compare(world).differences == {}


def test_who_changed_since_the_comparison_is_not_repaired(world: World, ann: Any):
    put_on_list(world, people(1))
    act(world, "edit", "person0000@example.com", fields={"City": "Antwerpen"})
    found = compare(world)
    world.push("person0000@example.com", city="Brugge")
    world.work()
    before = world.subscriber("person0000@example.com").accepted_hash
    repairing.repair(found, ann, [Kind.FIELDS])
    step(world, found)
    assert world.subscriber("person0000@example.com").accepted_hash == before
    found.refresh_from_db()
    assert found.repair["repaired"] == {"fields": {"people": 0, "after": None}}


def test_a_crashed_repair_goes_on_and_forgets_nobody(world: World, ann: Any, monkeypatch: pytest.MonkeyPatch):
    put_on_list(world, people(3))
    for address in people(3):
        act(world, "unsubscribe", address)
    found = compare(world)
    monkeypatch.setattr(repairing, "PEOPLE_AT_ONCE", 1)
    repairing.repair(found, ann, [Kind.STATE])
    whole, calls = repairing.withdraw, iter([True, False, True, True])

    def dies_the_second_time(*arguments: Any) -> int:
        if not next(calls):
            raise ConnectionError
        return whole(*arguments)

    monkeypatch.setattr(repairing, "withdraw", dies_the_second_time)
    with pytest.raises(ConnectionError):
        step(world, found)
    assert step(world, found) is None
    assert Consent.objects.filter(state="denied").count() == 3
    found.refresh_from_db()
    assert found.repair["repaired"] == {"state": {"people": 3, "after": None}}


def test_people_of_another_goal_on_the_list_are_not_extra(world: World):
    put_on_list(world, people(1))
    other = Goal.objects.create(
        account=world.account, connection=world.connection, name="Other", list_id=world.list_id
    )
    GoalAudience.objects.create(account=world.account, goal=other, audience=world.audience)
    add_at_esp(world, "theirs@example.com")
    profile = Profile.objects.create(account=world.account, email="theirs@example.com")
    row = {"accepted_hash": "0" * 31 + "1", "accepted_address": "theirs@example.com", "wanted": "off"}
    Subscriber.objects.create(account=world.account, goal=other, profile=profile, **row)
    assert compare(world).differences == {}


def test_a_deleted_list_is_said_where_people_look(world: World):
    put_on_list(world, people(1))
    world.simulator.act("delete-list", list_id=world.list_id)
    found = compare(world)
    assert found.state == "failed"
    assert "does not exist at the ESP any more" in found.reason
    assert "does not exist at the ESP any more" in Goal.objects.get(pk=world.goal.pk).problem
    assert Alert.objects.get(kind="list_gone", resolved_at=None).subject == f"goal:{world.goal.pk}"


def test_a_renamed_list_is_followed_and_noted(world: World):
    put_on_list(world, people(1))
    Goal.objects.filter(pk=world.goal.pk).update(list_name="Old news")
    found = compare(world)
    assert found.note == "The list was renamed at the ESP: from “Old news” to “News”."
    assert Goal.objects.get(pk=world.goal.pk).list_name == "News"


def test_an_esp_that_is_down_is_waited_for(world: World):
    put_on_list(world, people(1))
    world.simulator.faults([{"kind": "status", "status": 503, "match": "lists.active", "count": 1}])
    found = reconcile.queue(world.goal, trigger="manual")
    pause_s = step(world, found)
    assert pause_s is not None
    assert pause_s > 0
    found.refresh_from_db()
    assert (found.state, found.attempts) == ("reading", 1)
    assert "We try again by ourselves." in found.reason
    while step(world, found) is not None:
        pass
    found.refresh_from_db()
    assert (found.state, found.reason) == ("done", "")


def test_one_at_a_time(world: World):
    put_on_list(world, people(1))
    first = reconcile.queue(world.goal, trigger="manual")
    assert reconcile.queue(world.goal, trigger="nightly") == first
    with pytest.raises(IntegrityError), transaction.atomic():
        Reconciliation.objects.create(account=world.account, goal=world.goal, trigger="manual")


def test_people_of_the_last_one_only_and_counts_of_thirty(world: World, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(reconcile, "KEPT", 3)
    put_on_list(world, people(1))
    for _ in range(5):
        last = compare(world)
    assert Reconciliation.objects.count() == 3
    assert set(Finding.objects.values_list("reconciliation_id", flat=True)) == {last.pk}


def test_every_night_at_a_minute_of_its_own(world: World):
    put_on_list(world, people(1))
    zone = ZoneInfo("Europe/Amsterdam")
    minutes = Counter(
        nightly.minute_of(number, zone, datetime(2026, 7, 1).date()).astimezone(zone).hour  # noqa: DTZ001
        for number in range(240)
    )
    assert minutes == {1: 60, 2: 60, 3: 60, 4: 60}
    Goal.objects.filter(pk=world.goal.pk).update(created_at=datetime(2026, 6, 1, tzinfo=UTC))
    noon = datetime(2026, 7, 2, 10, tzinfo=UTC)
    assert nightly.queue_due(noon) == 1
    assert nightly.queue_due(noon) == 0  # it is queued, today: later than that night
    assert Reconciliation.objects.get().trigger == "nightly"


def test_a_goal_that_never_ran_is_not_reconciled_at_night(world: World):
    before = datetime(2026, 6, 1, tzinfo=UTC)
    Goal.objects.filter(pk=world.goal.pk).update(created_at=before, approved_version=None)
    assert nightly.queue_due() == 0


@pytest.mark.parametrize(
    ("type_", "sent", "held", "is_alike"),
    [
        (FieldType.TEXT, "Gent", " Gent ", True),
        (FieldType.TEXT, "Gent", "gent", False),
        (FieldType.TEXT, "", "", True),
        (FieldType.TEXT, "", "Gent", False),
        (FieldType.NUMBER, "7", "7.00", True),
        (FieldType.NUMBER, "0", "", False),
        (FieldType.DATE, "2010/12/14", "2010-12-14 00:00:00", True),
        (FieldType.DATE, "2010/12/14", "2010-12-15", False),
        (FieldType.MANY_OF, ["Road", "Gravel"], ["gravel", "Road"], True),
        (FieldType.MANY_OF, ["Road"], "Road", True),
        (FieldType.ONE_OF, "Road", ["Gravel"], False),
    ],
)
def test_what_the_esp_writes_otherwise_is_the_same(type_: Any, sent: Any, held: Any, is_alike: bool):
    assert alike(type_, sent, held) is is_alike
