"""Writes a demo client into the database, and has its connections run for the first time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from functools import cache

from django.contrib.auth.hashers import make_password
from django.utils import timezone

from audiences.ingest import ConsentGiven, Contact, Operation
from audiences.models import Audience, Objective, Property
from connectors.models import Authorization, Connection, ConnectionObjective, Goal, GoalAudience, Mapping, Run
from connectors.sync import runs
from connectors.sync.deciding import holding
from connectors.sync.planning import executing
from connectors.sync.planning.following import plan_next_changes
from syncapp.accounts import scope
from syncapp.accounts.models import Account, Membership, User
from syncapp.demo.seeding import simulated
from syncapp.demo.seeding.catalogue import DemoClient, DemoConnection, DemoList, made_up_id
from syncapp.demo.seeding.clients import PASSWORD
from syncapp.demo.seeding.ingesting import ingest, suppress_some
from syncapp.demo.seeding.people import DemoPerson
from syncapp.demo.seeding.pushing import push_history
from syncapp.demo.seeding.sessions import send_sessions

PROPERTIES = (
    ("first_name", "First name", Property.Type.TEXT),
    ("last_name", "Last name", Property.Type.TEXT),
    ("city", "City", Property.Type.TEXT),
    ("birthday", "Birthday", Property.Type.DATE),
    ("interests", "Interests", Property.Type.LIST),
    ("loyalty_points", "Loyalty points", Property.Type.NUMBER),
    ("customer_since", "Customer since", Property.Type.DATE),
    ("vip", "VIP", Property.Type.BOOLEAN),
)
NOT_PERSONAL = ("interests", "loyalty_points", "customer_since", "vip")
PEOPLE_PER_CALL = 5000
KNOWN_DAYS = 120  # before the first push of any audience
FIRST_RUN_REASON = "Went through the plan with the client: these are their people."


def write_client(client: DemoClient, people: Sequence[DemoPerson]) -> Account:
    """The client with its people, audiences and connections; its first runs wait for a worker."""
    account = Account.objects.create(
        name=client.name,
        slug=client.slug,
        colour=client.colour,
        time_zone=client.time_zone,
        language=client.language,
        currency=client.currency,
    )
    with scope.account(account):
        manager = invite(account, client.manager, Membership.Role.MANAGER)
        if client.viewer[1]:
            invite(account, client.viewer, Membership.Role.VIEWER)
        objectives = write_vocabulary(account, client)
        audiences = write_audiences(account, client)
        write_people(account, client, people, audiences)
        while plan_next_changes(account.pk):
            pass  # nothing follows these changes yet: what is sent first is the full runs' matter
        for connection in client.connections:
            write_connection(account, client, connection, objectives, audiences, manager)
        send_sessions(account, client, audiences, people)
    return account


def invite(account: Account, person: tuple[str, str], role: str) -> User:
    user = sign_up(*person)
    Membership.objects.create(account=account, user=user, role=role)
    return user


def sign_up(name: str, email: str, *, is_agency_admin: bool = False) -> User:
    return User.objects.create(
        email=email, name=name, password=hashed_password(), is_agency_admin=is_agency_admin
    )


@cache
def hashed_password() -> str:
    """One salt for all of them: the password is known anyway, and hashing is slow on purpose."""
    return make_password(PASSWORD)


def write_vocabulary(account: Account, client: DemoClient) -> dict[str, Objective]:
    """Properties and objectives; the objectives by key."""
    Property.objects.bulk_create(
        Property(account=account, key=key, label=label, type=kind, personal=key not in NOT_PERSONAL)
        for key, label, kind in PROPERTIES
    )
    made = Objective.objects.bulk_create(
        Objective(account=account, key=row.key, label=row.label, description=row.description)
        for row in client.objectives
    )
    return {objective.key: objective for objective in made}


def write_audiences(account: Account, client: DemoClient) -> dict[str, Audience]:
    """By external id."""
    return {
        row.external_id: Audience.objects.create(
            account=account,
            external_id=row.external_id,
            name=row.name,
            description=row.description,
            folder=row.folder,
            labels=list(row.labels),
            favourite=row.favourite,
            source_system=row.source_system,
            unknown_contacts=Audience.Unknown.CREATE,
        )
        for row in client.audiences
    }


def write_people(
    account: Account, client: DemoClient, people: Sequence[DemoPerson], audiences: dict[str, Audience]
) -> None:
    """People were known before the first push of audiences; what they answered since then came later."""
    now = timezone.now()
    known_since = now - timedelta(days=KNOWN_DAYS)
    for batch in batches(people):
        ingest(
            account, [to_operation(n, person, known_since) for n, person in enumerate(batch)], now=known_since
        )
        later = [(person, after(person, known_since)) for person in batch]
        answers = [
            Operation(n, "upsert", "external_id", person.external_id, consents=given)
            for n, (person, given) in enumerate(one for one in later if one[1])
        ]
        ingest(account, answers)
    for row in client.audiences:
        push_history(account, audiences[row.external_id], row, people, now)
    suppress_some(account, people)


def to_operation(number: int, person: DemoPerson, until: datetime) -> Operation:
    """Data, and the answers until then."""
    contact = Contact(email=person.email, external_id=person.external_id, properties=person.properties)
    consents = tuple(given for given in person.consents if given.occurred_at <= until)
    return Operation(number, "upsert", "external_id", person.external_id, contact, consents)


def after(person: DemoPerson, since: datetime) -> tuple[ConsentGiven, ...]:
    return tuple(given for given in person.consents if given.occurred_at > since)


def batches(people: Sequence[DemoPerson]) -> Iterator[Sequence[DemoPerson]]:
    for start in range(0, len(people), PEOPLE_PER_CALL):
        yield people[start : start + PEOPLE_PER_CALL]


def write_connection(
    account: Account,
    client: DemoClient,
    row: DemoConnection,
    objectives: dict[str, Objective],
    audiences: dict[str, Audience],
    manager: User,
) -> None:
    key = client.esp_key if row.works else made_up_id("key of last year", client.slug)
    authorization, _ = Authorization.objects.get_or_create(
        account=account,
        label=f"Campaign Monitor of {client.name}",
        defaults={"connector": "campaign_monitor", "secrets": {"api_key": key}},
    )
    connection = Connection.objects.create(
        account=account,
        name=row.name,
        description=row.description,
        connector="campaign_monitor",
        authorization=authorization,
        client_id=client.esp_id,
        client_name=client.name,
        labels=list(row.labels),
        favourite=row.favourite,
        enabled=row.enabled,
    )
    ConnectionObjective.objects.bulk_create(
        ConnectionObjective(account=account, connection=connection, objective=objectives[key])
        for key in row.objectives
    )
    for position, shown in enumerate(row.lists):
        goal = write_goal(account, client, connection, shown, position, audiences)
        if connection.enabled:
            start(goal, manager, is_approved=not shown.is_held)


def start(goal: Goal, manager: User, *, is_approved: bool) -> None:
    """Plan the first run, which is held; approved by the manager, a worker carries it out."""
    run = runs.queue_full_run(goal, trigger=Run.Trigger.MANUAL, requested_by=manager)
    executing.execute(run)
    if is_approved:
        run.refresh_from_db()
        holding.approve(run, manager, run.plan_hash, FIRST_RUN_REASON)


def write_goal(
    account: Account,
    client: DemoClient,
    connection: Connection,
    shown: DemoList,
    position: int,
    audiences: dict[str, Audience],
) -> Goal:
    goal: Goal = Goal.objects.create(
        account=account,
        connection=connection,
        name=f"To “{shown.title}”",
        position=position,
        list_id=client.list_id(shown.title),
        list_name=shown.title,
        leavers=shown.leavers,
    )
    GoalAudience.objects.bulk_create(
        GoalAudience(account=account, goal=goal, audience=audiences[external_id])
        for external_id in shown.audiences
    )
    targets = [(f"property:{key}", simulated.field_key(name), name) for key, name, _ in simulated.FIELDS]
    number = simulated.CUSTOMER_NUMBER
    targets = [
        ("profile:name", simulated.NAME_TARGET, "Name"),
        *targets,
        ("profile:external_id", simulated.field_key(number), number),
    ]
    Mapping.objects.bulk_create(
        Mapping(account=account, goal=goal, source=source, target=target, target_label=label, position=place)
        for place, (source, target, label) in enumerate(targets)
    )
    return goal
