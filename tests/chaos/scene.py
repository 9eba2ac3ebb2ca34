"""Ann's and Bob's accounts with several exports each, and what other systems push about their people."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from django.db import InterfaceError, OperationalError, connection
from django.utils import timezone

from audiences.ingest import apply
from audiences.ingest.types import ConsentGiven, Contact, Operation
from audiences.models import Audience, Objective, Property
from connectors.models import Authorization, Connection, ConnectionObjective, Goal, GoalAudience, Mapping
from connectors.simulators import Running
from connectors.sync import runs
from syncapp.accounts import scope
from syncapp.accounts.models import Account
from tests.chaos.oracle import AUDIENCES_FIELD, Export, Oracle, Person

T = TypeVar("T")

API_KEY = "chaos-account-key"
CALLS_PER_MINUTE = 60_000
AUDIENCES = ("news", "club")
GoalPlan = tuple[str, frozenset[str], str]  # its name, the audiences it sends, what becomes of leavers
GOALS: Sequence[GoalPlan] = (
    ("News", frozenset({"news"}), "unsubscribe"),
    ("Everyone", frozenset({"news", "club"}), "keep"),
    ("Club", frozenset({"club"}), "remove"),
)
FIELDS = (("profile:name", "name"), ("property:city", "[City]"), ("property:points", "[Points]"))
WITHOUT_HOLDS = {"hold_first_run": False, "hold_changes": False, "removal_limit": 1_000_000}
CITIES = ("Gent", "Brugge", "Luik", "Namur", None)


def patiently(act: Callable[[], T]) -> T:
    """As every client of a database does that is restarted now and then: try again."""
    while True:
        try:
            return act()
        except (OperationalError, InterfaceError):
            connection.close()
            time.sleep(0.1)


@dataclass
class Client:
    """One account, its audiences and goals, and the oracle that is told everything it is told."""

    account: Account
    audiences: dict[str, Audience]
    goals: list[Goal]
    oracle: Oracle
    people: list[Person] = field(default_factory=list)
    _said: int = 0

    def news(self, person: Person, chance: random.Random) -> dict[str, Any]:
        """Properties as nobody ever had them."""
        self._said += 1
        return {**person.properties, "city": chance.choice(CITIES), "points": self._said}

    def push(self, operations: Sequence[Operation], audience: str | None) -> None:
        """One call of the ingest, repeated until it is known to be in."""
        with scope.account(self.account):
            result = patiently(
                lambda: apply(
                    account=self.account,
                    audience=None if audience is None else self.audiences[audience],
                    operations=operations,
                    unknown="create",
                    source="chaos",
                )
            )
        if result.errors:
            raise AssertionError(result.errors)

    def join(self, people: Sequence[Person], audience: str, chance: random.Random) -> None:
        """People are added to the audience, new to the account or not, with properties as they are by now."""
        at, operations = timezone.now(), []
        for number, person in enumerate(people):
            properties = {"first_name": f"Eve {person.number}", **self.news(person, chance)}
            self.oracle.note(
                person, properties=properties, audiences={*person.audiences, audience}, address=person.address
            )
            consents = () if person.has_withdrawn else (ConsentGiven("newsletter", "granted", at),)
            contact = Contact(email=person.address, properties=properties)
            operations.append(Operation(number, "add", "external_id", name(person), contact, consents, at))
        self.push(operations, audience)

    def leave(self, people: Sequence[Person], audience: str) -> None:
        at = timezone.now()
        for person in people:
            self.oracle.note(person, audiences=person.audiences - {audience})
        self.push(
            [
                Operation(number, "remove", "external_id", name(person), occurred_at=at)
                for number, person in enumerate(people)
            ],
            audience,
        )

    def tell(self, people: Sequence[Person], change: Callable[[Person], dict[str, Any]]) -> None:
        """`change` gives what the oracle notes: an address, properties, or a withdrawal."""
        at, operations = timezone.now(), []
        for number, person in enumerate(people):
            changes = change(person)
            self.oracle.note(person, **changes)
            operations.append(self._upsert(number, person, changes, at))
        self.push(operations, None)

    def _upsert(self, number: int, person: Person, changes: dict[str, Any], at: datetime) -> Operation:
        consents = ()
        if changes.get("has_withdrawn"):
            consents = (ConsentGiven("newsletter", "denied", at),)
        contact = None
        if "address" in changes or "properties" in changes:
            contact = Contact(email=person.address, properties=person.properties)
        return Operation(number, "upsert", "external_id", name(person), contact, consents, at)

    def run_fully(self, goal: Goal) -> None:
        with scope.account(self.account):
            patiently(lambda: runs.queue_full_run(goal, trigger="manual"))


def name(person: Person) -> str:
    return f"person-{person.number}"


def make_client(
    slug: str,
    simulator: Running,
    people: int,
    plans: Sequence[GoalPlan] = GOALS,
    *,
    own_key: bool = False,
) -> Client:
    """An account with its exports to lists of its own at the ESP, and people nobody has heard of yet.

    `own_key`: with credentials of its own, so that its calls are limited apart from others'.
    """
    account = Account.objects.create(name=slug.capitalize(), slug=slug)
    lists = [
        {
            "title": title,
            "unsubscribe_setting": "OnlyThisList",
            "fields": [{"name": "City"}, {"name": "Points", "type": "Number"}, {"name": AUDIENCES_FIELD}],
        }
        for title, _, _ in plans
    ]
    at_esp = simulator.seed({"clients": [{"name": slug, "lists": lists}]})["clients"][0]
    with scope.account(account):
        audiences = {
            key: Audience.objects.create(account=account, name=key, external_id=key) for key in AUDIENCES
        }
        use = make_connection(account, simulator, at_esp["id"], at_esp["api_key"] if own_key else API_KEY)
        goals, exports = [], []
        for number, (title, keys, leavers) in enumerate(plans):
            list_id = at_esp["lists"][number]["id"]
            goals.append(make_goal(use, title, list_id, [audiences[key] for key in sorted(keys)], leavers))
            exports.append(Export(list_id, keys, leavers))
    client = Client(account, audiences, goals, Oracle(exports))
    client.people = [Person(number, f"{slug}{number}@example.com") for number in range(people)]
    return client


def make_connection(account: Account, simulator: Running, client_id: str, api_key: str) -> Connection:
    objective = Objective.objects.create(account=account, key="newsletter", label="Newsletter")
    for key, type_ in (("first_name", "text"), ("last_name", "text"), ("city", "text"), ("points", "number")):
        Property.objects.create(account=account, key=key, label=key, type=type_)
    authorization = Authorization.objects.create(
        account=account,
        connector="campaign_monitor",
        label="Agency",
        base_url=simulator.base_url,
        secrets={"api_key": api_key},
        calls_per_minute=CALLS_PER_MINUTE,
    )
    use: Connection = Connection.objects.create(
        account=account,
        name="Campaign Monitor",
        connector="campaign_monitor",
        authorization=authorization,
        client_id=client_id,
        enabled=True,
    )
    ConnectionObjective.objects.create(account=account, connection=use, objective=objective)
    return use


def make_goal(use: Connection, title: str, list_id: str, audiences: Sequence[Audience], leavers: str) -> Goal:
    account = use.account
    goal: Goal = Goal.objects.create(
        account=account,
        connection=use,
        name=title,
        list_id=list_id,
        list_name=title,
        leavers=leavers,
        **WITHOUT_HOLDS,
    )
    for audience in audiences:
        GoalAudience.objects.create(account=account, goal=goal, audience=audience)
    fields = [*FIELDS, ("profile:audiences", f"[{AUDIENCES_FIELD}]")] if leavers == "clear" else FIELDS
    for position, (source, target) in enumerate(fields):
        Mapping.objects.create(account=account, goal=goal, source=source, target=target, position=position)
    return goal
