"""Data that looks like a client's."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta

import pghistory

from audiences import ingest
from audiences.ingest import ConsentGiven, Contact, Operation
from audiences.models import Audience, Objective, Property
from syncapp.accounts import keys, scope
from syncapp.accounts.models import Account, ApiKey, User

FIRST = (
    "Noor",
    "Daan",
    "Emma",
    "Luuk",
    "Sanne",
    "Milan",
    "Fleur",
    "Thijs",
    "Lotte",
    "Bram",
    "Jasmijn",
    "Ruben",
)
LAST = ("de Vries", "Jansen", "Bakker", "Visser", "Smit", "Meijer", "Mulder", "Bos", "Peters", "Dekker")
CITIES = ("Utrecht", "Ghent", "Haarlem", "Antwerp", "Groningen")
AUDIENCES = (
    ("Newsletter readers", "Web shop", 240),
    ("Service reminders 2026", "Workshop planner", 96),
    ("E-bike test riders", "Event desk", 31),
)
START = datetime(2026, 9, 1, 9, 30, tzinfo=UTC)


def furnish(account: Account, user: User) -> None:
    with scope.account(account), pghistory.context(user=user.pk):
        for key, label, kind in (
            ("first_name", "First name", "text"),
            ("last_name", "Last name", "text"),
            ("city", "City", "text"),
            ("bikes", "Bikes bought", "number"),
        ):
            Property.objects.create(account=account, key=key, label=label, type=kind)
        for key, label in (("newsletter", "Newsletter"), ("service", "Service messages")):
            Objective.objects.create(account=account, key=key, label=label)
        for name, system, size in AUDIENCES:
            audience = Audience.objects.create(
                account=account,
                name=name,
                external_id=name.lower().replace(" ", "-"),
                source_system=system,
                favourite=system == "Web shop",
                unknown_contacts="create",
            )
            fill(account, audience, size)
        keys.issue(
            account, "Web shop", [ApiKey.Scope.MEMBERS_WRITE, ApiKey.Scope.AUDIENCES_READ], created_by=user
        )


def fill(account: Account, audience: Audience, size: int) -> None:
    people = itertools.islice(itertools.product(LAST, FIRST, CITIES), size)
    operations = [
        Operation(
            index=number,
            op="add",
            kind="external_id",
            value=f"C-{10_000 + number}",
            contact=Contact(
                email=f"{first}.{last.replace(' ', '')}{number}@example.com".lower(),
                properties={"first_name": first, "last_name": last, "city": city, "bikes": number % 4},
            ),
            consents=tuple(consents_of(number)),
        )
        for number, (last, first, city) in enumerate(people)
    ]
    ingest.apply(
        account=account, audience=audience, operations=operations, unknown="create", source="api:Web shop"
    )


def consents_of(number: int) -> list[ConsentGiven]:
    answered = START + timedelta(hours=7 * number)
    given = []
    if number % 6:
        state = "denied" if number % 7 == 0 else "granted"
        given.append(ConsentGiven("newsletter", state, answered, "double_opt_in", {"form": "footer"}))
    if number % 3 == 0:
        given.append(ConsentGiven("service", "granted", answered, "single"))
    return given
