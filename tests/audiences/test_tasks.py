"""The nightly sweep, over every account."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from audiences.ingest import apply
from audiences.ingest.types import Operation
from audiences.models import Audience, Change, Member, Pending
from audiences.tasks import sweep_audiences
from syncapp.accounts import scope
from syncapp.work import Slice

LONG_AGO = timezone.now() - timedelta(days=40)


@pytest.mark.django_db(transaction=True)
def test_old_traces_and_waiting_people_end_in_every_account(
    ann_account, bob_account, audience_of, profile_of
):
    for account in (ann_account, bob_account):
        audience = audience_of(account, identifier="email")
        person = profile_of(account, "eve@example.com")
        with scope.account(account):
            adds = [
                Operation(0, "add", "email", "eve@example.com"),
                Operation(1, "add", "email", "new@example.com"),
            ]
            apply(account=account, audience=audience, operations=adds, unknown="hold", source="test")
            apply(
                account=account,
                audience=audience,
                operations=[Operation(0, "remove", "email", "eve@example.com")],
                unknown="hold",
                source="test",
            )
            Member.objects.filter(profile=person).update(changed_at=LONG_AGO)
            Pending.objects.update(expires_at=LONG_AGO)
            Change.objects.update(planned_at=LONG_AGO)

    sweep_audiences(Slice())

    for account in (ann_account, bob_account):
        with scope.account(account):
            assert not Member.objects.exists()
            assert not Pending.objects.exists()
            assert not Change.objects.exists()
            assert Audience.objects.get().held_count == 0
