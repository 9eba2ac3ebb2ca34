"""A client whose systems really pushed: sixty days of changes, a sync with errors, one that a guard stopped."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from audiences import ingest, jobs, syncs
from audiences.admin import audience_pages  # noqa: F401  the pages exist
from audiences.ingest import Contact, Operation
from audiences.jobs.carrying import carry_out
from audiences.models import Audience, Job, PushSettings, SyncSession
from audiences.suppressions import suppress
from audiences.syncs import staging
from syncapp.accounts import keys, scope
from syncapp.accounts.keys import Client
from syncapp.accounts.models import Account, ApiKey
from syncapp.work import Slice

DAYS = 60
JSON = "application/json"


@dataclass
class PushScene:
    """`newsletter` has members and a history; the others fill folders."""

    account: Account
    label: str = "Web shop"
    name: str = "Newsletter readers"
    newsletter: Audience = field(init=False)
    client: Client = field(init=False)

    def __post_init__(self) -> None:
        with scope.account(self.account):
            _, shown = keys.issue(self.account, self.label, ApiKey.Scope.values)
            self.client = keys.check(shown)
            self.newsletter = self.audience(self.name, "Loyalty", ["weekly", "crm"], True)

    def audience(
        self,
        name: str,
        folder: str = "",
        labels: list[str] | None = None,
        favourite: bool = False,
        **more: object,
    ) -> Audience:
        with scope.account(self.account):
            return Audience.objects.create(
                account=self.account,
                name=name,
                external_id=name.lower().replace(" ", "-"),
                folder=folder,
                labels=labels or [],
                favourite=favourite,
                source_system=str(more.pop("source_system", self.label)),
                source_client=self.client.prefix,
                unknown_contacts="create",
                **more,
            )

    def push(
        self,
        audience: Audience,
        ids: range,
        op: str = "add",
        now: datetime | None = None,
        unknown: str = "create",
    ) -> ingest.Result:
        """People c-<id>; those with an odd id said yes to the newsletter where that objective exists."""
        with scope.account(self.account):
            return ingest.apply(
                account=self.account,
                audience=audience,
                operations=[
                    Operation(number, op, "external_id", f"c-{one}", contact_of(one) if op == "add" else None)
                    for number, one in enumerate(ids)
                ],
                unknown=unknown,
                source=f"api:{self.label}",
                now=now,
            )

    def live_for(self, days: int = DAYS) -> None:
        """Some joined and some left, week by week."""
        now = timezone.now()
        for week, ago in enumerate(range(days, 0, -7)):
            at = now - timedelta(days=ago)
            self.push(self.newsletter, range(week * 20, week * 20 + 20), now=at)
            if week % 3 == 2:
                self.push(
                    self.newsletter,
                    range((week - 1) * 20, (week - 1) * 20 + 12),
                    "remove",
                    at + timedelta(hours=9),
                )

    def hold(self, count: int = 3) -> None:
        with scope.account(self.account):
            ingest.apply(
                account=self.account,
                audience=self.newsletter,
                operations=[Operation(n, "add", "external_id", f"unknown-{n}") for n in range(count)],
                unknown="hold",
                source=f"api:{self.label}",
            )

    def suppress(self, one: int) -> None:
        with scope.account(self.account):
            suppress(self.account, f"c{one}@example.com", "complaint", "admin:test")

    def replace(self, audience: Audience, members: list[object], **guards: object) -> SyncSession:
        """Open, stage, commit, and let a worker carry it out."""
        with scope.account(self.account):
            wanted = syncs.Wanted(
                mode="replace",
                snapshot_at=timezone.now(),
                expected_total=None,
                identifier="external_id",
                unknown_contacts="reject",
                guards=guards,
                external_run_id="",
            )
            session, _ = syncs.open_session(self.client, audience, wanted)
            body = json.dumps({"members": members}).encode()
            staging.keep(session, 1, b"\1" * 32, staging.read(session, JSON, body))
            session = syncs.commit(self.client, session.pk, 1, len(members), None)
            self.work(session.job)
            session.refresh_from_db()
            return session

    def work(self, job: Job | None) -> None:
        with scope.account(self.account):
            while job is not None and carry_out(self.account.pk, str(job.pk), Slice()) is not None:
                pass

    def ask(self, audience: Audience, kind: str = Job.Kind.AUDIENCE_DELETE, **params: object) -> Job:
        """A destructive call in a client that wants a person's approval."""
        with scope.account(self.account):
            PushSettings.objects.update_or_create(account=self.account, defaults={"requires_approval": True})
            return jobs.queue(
                client=self.client,
                account_id=self.account.pk,
                kind=kind,
                audience=audience,
                params=params,
                total=1,
                destructive=True,
            )


def contact_of(one: int) -> Contact:
    address = None if one % 10 == 9 else f"c{one}@example.com"
    return Contact(email=address, properties={})


def members_of(audience: Audience) -> int:
    with scope.account(audience.account_id):
        return Audience.objects.get(pk=audience.pk).member_count


def fresh(row: Any) -> Any:
    """As it is stored now."""
    with scope.account(row.account_id):
        row.refresh_from_db()
    return row
