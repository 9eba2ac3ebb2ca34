"""Two months of pushes: audiences grow and shrink as their systems send news of them, at the times they did."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from django.utils import timezone

from audiences import deleting
from audiences.ingest import Operation
from audiences.models import Audience
from syncapp.accounts.models import Account
from syncapp.demo.seeding.catalogue import DemoAudience
from syncapp.demo.seeding.ingesting import ingest
from syncapp.demo.seeding.people import DemoPerson

DAYS = 60
PUSHES, PUSHES_OF_A_FAVOURITE = 5, 10
FIRST = 0.72  # of the members came with the first push
LEAVERS = 0.06  # beside the members: who was in it and left again


def push_history(
    account: Account, audience: Audience, row: DemoAudience, people: Sequence[DemoPerson], now: datetime
) -> None:
    """The members as they are today, by a handful of pushes of the system that owns the audience."""
    members = [person for person in people if row.external_id in person.audiences]
    others = [person for person in people if row.external_id not in person.audiences]
    leavers = others[: round(len(members) * LEAVERS)]
    source = f"api:{row.source_system}"
    for moment, operations in pushes(row, members, leavers, now):
        ingest(account, operations, audience, source=source, now=moment)
    if row.waiting:
        unknown = [Operation(n, "add", "external_id", f"unknown-{n + 1}") for n in range(row.waiting)]
        ingest(account, unknown, audience, source=source, unknown="hold")
    put_away(audience, row)


def pushes(
    row: DemoAudience, members: Sequence[DemoPerson], leavers: Sequence[DemoPerson], now: datetime
) -> Iterator[tuple[datetime, list[Operation]]]:
    """(when, what): most people at first, then some come and some of the others go, the last push a while ago."""
    count = PUSHES_OF_A_FAVOURITE if row.favourite else PUSHES
    last = now - timedelta(days=row.quiet_days)
    begin = round(len(members) * FIRST)
    for number in range(count):
        joining = slices(members[begin:], count - 1)[number - 1] if number else [*members[:begin], *leavers]
        leaving = slices(leavers, count - 1)[number - 1] if number else []
        moment = last - timedelta(days=DAYS * (count - 1 - number) / (count - 1))
        yield moment, to_operations(joining, leaving)


def slices(people: Sequence[DemoPerson], parts: int) -> list[Sequence[DemoPerson]]:
    return [people[number::parts] for number in range(parts)]


def to_operations(joining: Sequence[DemoPerson], leaving: Sequence[DemoPerson]) -> list[Operation]:
    asked = [*(("add", person) for person in joining), *(("remove", person) for person in leaving)]
    return [
        Operation(number, "add" if op == "add" else "remove", "external_id", person.external_id)
        for number, (op, person) in enumerate(asked)
    ]


def put_away(audience: Audience, row: DemoAudience) -> None:
    if row.is_archived:
        Audience.objects.filter(pk=audience.pk).update(archived_at=timezone.now() - timedelta(days=1))
    if row.is_deleted:
        deleting.delete(Audience.objects.get(pk=audience.pk))
