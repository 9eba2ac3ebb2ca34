"""A client with an ESP, set up by hand and run by the engine: what the pages show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from audiences.models import Audience, Objective
from connectors.models import Authorization, Connection, ConnectionObjective, Goal, GoalAudience, Mapping, Run
from connectors.simulators import Running
from connectors.sync import runs
from connectors.sync.deciding import holding
from connectors.tasks import deliver_goal, execute_run
from syncapp.accounts import scope
from syncapp.accounts.models import Account, User
from syncapp.work import Slice

API_KEY = "key-of-the-connections-pages"
AT_ESP = {
    "clients": [
        {
            "name": "Ann’s Bicycles",
            "lists": [
                {
                    "title": "News",
                    "fields": [
                        {"name": "City", "type": "Text"},
                        {"name": "Bikes", "type": "Number"},
                        {"name": "Interests", "type": "MultiSelectMany", "options": ["Road", "Gravel"]},
                    ],
                },
                {"title": "Service", "unsubscribe_setting": "OnlyThisList"},
            ],
        },
        {"name": "Harbour Cycles", "lists": [{"title": "Riders"}]},
    ]
}


@dataclass
class Scene:
    """`ids` are those at the ESP."""

    account: Account
    simulator: Running
    client_id: str
    list_id: str
    authorization: Authorization
    connection: Connection
    goal: Goal

    def run(self, user: User | None = None) -> Run:
        """A full run, planned, approved if it is held, and delivered here and now."""
        with scope.account(self.account):
            run = runs.queue_full_run(self.goal, trigger=Run.Trigger.MANUAL, requested_by=user)
        return self.carry_out(run)

    def plan(self, run: Run) -> Run:
        with scope.account(self.account):
            execute_run(self.account.pk, str(run.pk), Slice(60))
            run.refresh_from_db()
        return run

    def approve(self, run: Run) -> Run:
        with scope.account(self.account):
            user = User.objects.get_or_create(
                email="approver@agency.example", defaults={"name": "Ap Prover"}
            )[0]
            holding.approve(run, user, run.plan_hash, "Looked at it.")
        return self.plan(run)

    def carry_out(self, run: Run) -> Run:
        if self.plan(run).state == Run.State.HELD:
            self.approve(run)
        with scope.account(self.account):
            deliver_goal(self.account.pk, str(run.goal_id), Slice(60))
            run.refresh_from_db()
        return run

    def subscribers(self) -> dict[str, dict[str, Any]]:
        return {one["email"]: one for one in self.simulator.subscribers(self.list_id)}


def at_esp(simulator: Running) -> dict[str, Any]:
    """The first client made there: {"id", "lists": [{"id"}]}."""
    simulator.reset()
    made: dict[str, Any] = simulator.seed(AT_ESP)["clients"][0]
    return made


def authorize(account: Account, simulator: Running, label: str = "Agency’s account") -> Authorization:
    with scope.account(account):
        return Authorization.objects.create(
            account=account,
            connector="campaign_monitor",
            label=label,
            base_url=simulator.base_url,
            secrets={"api_key": API_KEY},
        )


def connect(
    account: Account, simulator: Running, audience: Audience, *, name: str = "Campaign Monitor News"
) -> Scene:
    """A connection that is on and ready to run, with two fields mapped."""
    place = at_esp(simulator)
    authorization = authorize(account, simulator)
    with scope.account(account):
        connection = Connection.objects.create(
            account=account,
            name=name,
            connector="campaign_monitor",
            authorization=authorization,
            client_id=place["id"],
            client_name="Ann’s Bicycles",
            enabled=True,
            favourite=True,
            labels=["newsletter"],
        )
        objective, _ = Objective.objects.get_or_create(
            account=account, key="newsletter", defaults={"label": "Newsletter"}
        )
        ConnectionObjective.objects.create(account=account, connection=connection, objective=objective)
        goal = Goal.objects.create(
            account=account,
            connection=connection,
            name="Export to News",
            list_id=place["lists"][0]["id"],
            list_name="News",
        )
        GoalAudience.objects.create(account=account, goal=goal, audience=audience)
        for position, (source, target) in enumerate((("profile:name", "name"), ("property:city", "[City]"))):
            Mapping.objects.create(
                account=account,
                goal=goal,
                source=source,
                target=target,
                target_label=target.strip("[]"),
                position=position,
            )
    return Scene(account, simulator, place["id"], goal.list_id, authorization, connection, goal)
