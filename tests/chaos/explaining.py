"""What is known of a person who is not where they should be, for whoever looks for the cause."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import UTC, datetime

from connectors.models import Outcome, Subscriber
from connectors.simulators import Running
from syncapp.accounts import scope
from tests.chaos.oracle import Person
from tests.chaos.scene import Client, name


def say(words: str) -> None:
    sys.stderr.write(f"{words}\n")


def explain(clients: Sequence[Client], simulator: Running, address: str) -> None:
    for client in clients:
        for person in client.people:
            if address in person.addresses:
                say(f"    pushed: {person}")
                with scope.account(client.account):
                    tell_memory(person)
                    tell_outcomes(person)
                tell_journals(client, person, simulator)


def tell_memory(person: Person) -> None:
    rows = Subscriber.objects.filter(profile__external_id=name(person)).select_related("goal", "profile")
    for row in rows:
        say(
            f"    {row.goal.name}: wanted {row.wanted} {row.reason} at {row.profile.email}, held at "
            f"{row.accepted_address} {row.tried_addresses} as {row.remote_state}; "
            f"{row.operation} due {row.due_at}; {row.error_code} {row.error_message}"
        )


def tell_outcomes(person: Person) -> None:
    told = (
        Outcome.objects.filter(profile__external_id=name(person)).select_related("run__goal").order_by("at")
    )
    for one in told:
        say(f"    {one.at:%H:%M:%S.%f} {one.run.goal.name}: {one.operation} {one.result} {one.code}")


def tell_journals(client: Client, person: Person, simulator: Running) -> None:
    for export in client.oracle.exports:
        journals = simulator.journals(export.list_id)
        joined = {row["email"]: row["joined"] for row in simulator.subscribers(export.list_id)}
        for address in person.addresses:
            if address in journals:
                since = datetime.fromtimestamp(joined.get(address, 0), UTC)
                say(
                    f"    at the ESP, leavers {export.leavers}, {address}, there since {since:%H:%M:%S}: "
                    f"{' '.join(journals[address])}"
                )
