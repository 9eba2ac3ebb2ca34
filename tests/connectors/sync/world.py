"""One account's export to the simulator, and verbs of what happens to it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.utils import timezone

from audiences.ingest import apply
from audiences.ingest.types import ConsentGiven, Contact, Operation
from audiences.models import Audience, Objective, Profile, Property
from connectors.models import (
    Authorization,
    Connection,
    ConnectionObjective,
    Goal,
    GoalAudience,
    Mapping,
    Outcome,
    Run,
    Subscriber,
)
from connectors.simulators import Running
from connectors.sync import runs
from connectors.sync.deciding import holding
from connectors.tasks import deliver_goal, execute_run, plan_changes
from syncapp.accounts.models import Account, User
from syncapp.work import Slice

API_KEY = "engine-tests-account-key"


@dataclass
class World:
    """One account's export, and verbs of what happens to it."""

    account: Account
    simulator: Running
    audience: Audience
    objective: Objective
    authorization: Authorization
    connection: Connection
    goal: Goal
    list_id: str

    def push(
        self,
        *addresses: str,
        consent: str | None = "granted",
        remove: Iterable[str] = (),
        **properties: object,
    ) -> None:
        """What the API does with a batch."""
        consents = () if consent is None else (ConsentGiven("newsletter", consent, timezone.now()),)
        adds = [
            Operation(
                number, "add", "email", address, Contact(email=address, properties=properties), consents
            )
            for number, address in enumerate(addresses)
        ]
        leaves = [
            Operation(len(adds) + number, "remove", "email", address) for number, address in enumerate(remove)
        ]
        result = apply(
            account=self.account,
            audience=self.audience,
            operations=[*adds, *leaves],
            unknown="create",
            source="test",
        )
        assert result.errors == ()

    def answer(self, address: str, consent: str, objective: str = "newsletter") -> None:
        """The person grants or denies, outside the audience."""
        apply(
            account=self.account,
            audience=None,
            operations=[
                Operation(
                    0,
                    "upsert",
                    "email",
                    address,
                    None,
                    (ConsentGiven(objective, consent, timezone.now()),),
                )
            ],
            unknown="reject",
            source="test",
        )

    def plan(self) -> None:
        plan_changes(self.account.pk, "touched", Slice())

    def deliver(self) -> float | None:
        return deliver_goal(self.account.pk, str(self.goal.pk), Slice())

    def work(self) -> float | None:
        """Everything a worker would do now."""
        self.plan()
        return self.deliver()

    def plan_fully(self, *, dry: bool = False) -> Run:
        """A full run, planned; held if something holds it."""
        run = runs.queue_full_run(self.goal, trigger=Run.Trigger.MANUAL, dry=dry)
        execute_run(self.account.pk, str(run.pk), Slice())
        run.refresh_from_db()
        return run

    def approve(self, run: Run) -> Run:
        """Somebody looked at the plan, and the workers go on with it."""
        holding.approve(run, self.somebody, run.plan_hash, "Looked at it.")
        execute_run(self.account.pk, str(run.pk), Slice())
        run.refresh_from_db()
        return run

    def run_fully(self) -> Run:
        """A full run, approved if it is held, and delivered."""
        run = self.plan_fully()
        if run.state == Run.State.HELD:
            self.approve(run)
        self.deliver()
        run.refresh_from_db()
        return run

    @property
    def somebody(self) -> User:
        return User.objects.get_or_create(email="somebody@agency.example", defaults={"name": "Some Body"})[0]

    @property
    def last_run(self) -> Run:
        return Run.objects.latest("queued_at")

    @property
    def on_list(self) -> dict[str, str]:
        """{address: state} at the ESP."""
        return {row["email"]: row["state"] for row in self.simulator.subscribers(self.list_id)}

    def effects(self) -> dict[str, int]:
        """{address: how often the ESP's state really changed}."""
        return {address: told["effects"] for address, told in self.simulator.addresses(self.list_id).items()}

    def subscriber(self, address: str) -> Subscriber:
        return Subscriber.objects.get(goal=self.goal, profile__email=address)

    def outcomes(self, run: Run) -> dict[str, tuple[str, str]]:
        people = Profile.objects.in_bulk(Outcome.objects.filter(run=run).values_list("profile_id", flat=True))
        return {
            str(people[one.profile_id].email): (one.result, one.code)
            for one in Outcome.objects.filter(run=run)
        }


SEED = {
    "clients": [
        {
            "name": "Ann’s Bicycles",
            "lists": [
                {
                    "title": "News",
                    "unsubscribe_setting": "OnlyThisList",
                    "fields": [{"name": "City"}, {"name": "Points", "type": "Number"}],
                }
            ],
        }
    ]
}


def make_world(account: Account, simulator: Running, audience: Audience, objective: Objective) -> World:
    """An export of the audience to a list of the simulator; the caller is inside the account's scope.

    Its first run, over an empty audience, is taken as done and approved: it follows changes.
    """
    client = simulator.seed(SEED)["clients"][0]
    for key, label, type_ in (
        ("first_name", "First name", "text"),
        ("last_name", "Last name", "text"),
        ("city", "City", "text"),
        ("points", "Points", "number"),
    ):
        Property.objects.create(account=account, key=key, label=label, type=type_)
    authorization = Authorization.objects.create(
        account=account,
        connector="campaign_monitor",
        label="Agency",
        base_url=simulator.base_url,
        secrets={"api_key": API_KEY},
    )
    connection = Connection.objects.create(
        account=account,
        name="Campaign Monitor",
        connector="campaign_monitor",
        authorization=authorization,
        client_id=client["id"],
        enabled=True,
    )
    ConnectionObjective.objects.create(account=account, connection=connection, objective=objective)
    goal = Goal.objects.create(
        account=account,
        connection=connection,
        name="Newsletter",
        list_id=client["lists"][0]["id"],
        list_name="News",
        approved_version=1,
        hold_changes=False,
    )
    GoalAudience.objects.create(account=account, goal=goal, audience=audience)
    for position, (source, target) in enumerate(
        (("profile:name", "name"), ("property:city", "[City]"), ("property:points", "[Points]"))
    ):
        Mapping.objects.create(account=account, goal=goal, source=source, target=target, position=position)
    return World(
        account, simulator, audience, objective, authorization, connection, goal, client["lists"][0]["id"]
    )
