"""What systems asked for and a person has to see: sync sessions for the worker, a deletion that waits."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

import orjson
from django.utils import timezone

from audiences import jobs, syncs
from audiences.models import Audience, Job, PushSettings, SyncSession
from audiences.syncs import staging
from syncapp.accounts import keys
from syncapp.accounts.models import Account, ApiKey
from syncapp.demo.seeding.catalogue import DemoClient, DemoSync
from syncapp.demo.seeding.people import DemoPerson

CHUNK = 1000
SCOPES = (ApiKey.Scope.AUDIENCES_READ, ApiKey.Scope.MEMBERS_WRITE, ApiKey.Scope.MEMBERS_REPLACE)


def send_sessions(
    account: Account, client: DemoClient, audiences: Mapping[str, Audience], people: Sequence[DemoPerson]
) -> None:
    """Staged and committed; a worker checks the guards and applies, or is stopped by them."""
    systems: dict[str, keys.Client] = {}
    for sync in client.syncs:
        audience = audiences[sync.audience]
        label = audience.source_system
        system = systems.get(label) or systems.setdefault(label, key_of(account, label, SCOPES))
        send(system, audience, members_of(sync, people))
    if client.asks_to_delete:
        ask_to_delete(account, audiences[client.asks_to_delete])


def key_of(account: Account, label: str, scopes: Sequence[str]) -> keys.Client:
    """The secret is thrown away: nobody can call with it."""
    _, shown = keys.issue(account, label, scopes)
    return keys.check(shown)


def members_of(sync: DemoSync, people: Sequence[DemoPerson]) -> list[str]:
    members = [person.external_id for person in people if sync.audience in person.audiences]
    unknown = [f"unknown-{number + 1}" for number in range(sync.unknown)]
    return members[: round(len(members) * sync.kept)] + unknown


def send(system: keys.Client, audience: Audience, members: Sequence[str]) -> SyncSession:
    wanted = syncs.Wanted(
        mode="replace",
        snapshot_at=timezone.now(),
        expected_total=len(members),
        identifier="external_id",
        unknown_contacts="reject",
        guards={},
        external_run_id=f"night-{timezone.localdate():%Y%m%d}",
    )
    session, _ = syncs.open_session(system, audience, wanted)
    chunks = [members[begin : begin + CHUNK] for begin in range(0, len(members), CHUNK)]
    for number, chunk in enumerate(chunks, start=1):
        body = orjson.dumps({"members": chunk})
        lines = staging.read(session, "application/json", body)
        staging.keep(session, number, hashlib.sha256(body).digest(), lines)
    return syncs.commit(system, session.pk, len(chunks), len(members), None)


def ask_to_delete(account: Account, audience: Audience) -> Job:
    PushSettings.objects.create(account=account, requires_approval=True)
    system = key_of(account, audience.source_system, (ApiKey.Scope.AUDIENCES_DELETE,))
    return jobs.queue(
        client=system,
        account_id=account.pk,
        kind=Job.Kind.AUDIENCE_DELETE,
        audience=audience,
        total=1,
        destructive=True,
    )
