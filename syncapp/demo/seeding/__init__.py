"""The demo's data: six clients of an agency. Seeded once, into an empty database only."""

from __future__ import annotations

from django.db import connection, transaction
from django.utils import timezone

from syncapp.accounts.models import Account, User
from syncapp.demo.seeding.clients import AGENCY_ADMIN, CLIENTS
from syncapp.demo.seeding.people import people_of
from syncapp.demo.seeding.simulated import put_into
from syncapp.demo.seeding.writing import sign_up, write_client


class Refused(Exception):
    """Why the demo's data are not put into this database."""


def seed(simulator_url: str = "") -> int:
    """Seed database and simulator; the number of people made, 0 when the demo was there already.

    The demo's passwords are known to everybody: a database with any other account or user is refused.
    """
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended('demo seed', 0))")
        people = {client.slug: people_of(client, timezone.now()) for client in CLIENTS}
        if is_seeded():
            made = 0
        else:
            sign_up(*AGENCY_ADMIN, is_agency_admin=True)
            for client in CLIENTS:
                write_client(client, people[client.slug])
            made = sum(map(len, people.values()))
        if simulator_url:
            put_into(simulator_url, people, CLIENTS)
    return made


def is_seeded() -> bool:
    """Raises Refused where the database belongs to somebody else."""
    if User.objects.filter(email=AGENCY_ADMIN[1]).exists():
        return True
    if Account.objects.exists() or User.objects.exists():
        raise Refused(
            "This database has accounts or users of its own. The demo's passwords are known to everybody, "
            "so it is seeded into an empty database only. Name another one with DATABASE_URL."
        )
    return False
