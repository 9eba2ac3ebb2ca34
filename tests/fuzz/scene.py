"""Something for the generated calls to meet: one account's things, and another account's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from audiences import jobs
from audiences.models import Audience, Job, Objective, Property, SyncSession
from syncapp.accounts import keys, scope
from syncapp.accounts.models import Account, ApiKey
from syncapp.notices.models import Endpoint
from tests.api.conftest import Api

Values = Mapping[str, Sequence[str]]


def furnish() -> tuple[str, Values]:
    """(a key with all scopes, values of path parameters that lead somewhere)."""
    ann = Account.objects.create(name="Ann’s Bicycles", slug="fuzz-ann")
    bob = Account.objects.create(name="Bob’s Books", slug="fuzz-bob")
    for account in (ann, bob):
        with scope.account(account):
            Objective.objects.create(account=account, key="newsletter", label="Newsletter")
            Property.objects.create(account=account, key="city", label="City")
    _, key = keys.issue(ann, "Fuzz", ApiKey.Scope.values)
    _, others = keys.issue(bob, "Fuzz", ApiKey.Scope.values)
    for api, prefix in ((Api(key), "c"), (Api(others), "b")):
        fill(api, prefix)
    return key, values_of(ann, bob)


def fill(api: Api, prefix: str) -> None:
    vip = "vip-2024" if prefix == "c" else "bobs"
    api.put(f"/audiences/{vip}", {"name": "VIP", "unknown_contacts": "create"})
    people = [{"external_id": f"{prefix}-{n}", "email": f"{prefix}{n}@example.nl"} for n in range(1, 21)]
    api.batch(vip, {"operations": [{"op": "add", "contact": person} for person in people]})
    now = "2026-01-31T12:00:00Z"
    api.post(f"/audiences/{vip}/syncs", {"mode": "replace", "snapshot_at": now})
    api.post("/webhooks", {"name": "Mine", "url": "https://example.com/hook", "events": ["audience.created"]})


def values_of(ann: Account, bob: Account) -> Values:
    """Ann's and Bob's ids by the name of the path parameter."""
    found: dict[str, list[str]] = {
        "external_id": ["vip-2024", "c-1", "bobs", "b-1"],
        "contact_external_id": ["c-1", "c-2", "b-1", "nobody"],
        "purpose": ["newsletter", "none"],
        "number": ["1", "2"],
        "job_id": [],
        "sync_id": [],
        "webhook_id": [],
        "delivery_id": [],
    }
    for account in (ann, bob):
        with scope.account(account):
            audience = Audience.objects.get()
            job = jobs.queue(
                client=None,
                account_id=account.pk,
                kind=Job.Kind.CONTACTS_IMPORT,
                audience=audience,
            )
            found["job_id"].append(f"job_{job.pk}")
            found["sync_id"] += [f"sync_{session.pk}" for session in SyncSession.objects.all()]
            found["webhook_id"] += webhooks_of(account)
    return found


def webhooks_of(account: Account) -> list[str]:
    return [str(endpoint.pk) for endpoint in Endpoint.objects.filter(account=account)]
