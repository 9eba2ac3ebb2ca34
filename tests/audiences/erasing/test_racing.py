"""Systems that go on sending a person while they are erased do not bring them back."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest
from django.db import connection

from audiences import erasing
from audiences.ingest import Contact, Operation, apply
from audiences.models import Audience, Member, Pending, Profile
from syncapp.accounts import scope

pytestmark = pytest.mark.django_db(transaction=True)
SYSTEMS = 4


def keep_sending(account, audience, number, erased, started):
    """Adds of the same person until the erasure is known here; the codes of the last answers."""
    kind, value = ("external_id", "c-1") if number % 2 else ("email", "jan@example.nl")
    unknown = "hold" if number == 0 else "create"
    contact = Contact("jan@example.nl", external_id="c-1")
    codes: list[str] = []
    try:
        with scope.account(account):
            for _ in range(200):
                over = erased.is_set()
                result = apply(
                    account=account,
                    audience=audience,
                    operations=[Operation(0, "add", kind, value, contact)],
                    unknown=unknown,
                    source=f"system {number}",
                )
                started.set()
                if over:
                    codes += [error.code for error in result.errors]
                    return codes
    finally:
        connection.close()
    return codes


def test_nobody_comes_back_in_between(ann_account, audience_of, profile_of):
    audience = audience_of(ann_account, "VIP")
    jan = profile_of(ann_account, "jan@example.nl", external_id="c-1")
    erased, started = Event(), Event()
    with ThreadPoolExecutor(SYSTEMS) as threads:
        sent = [
            threads.submit(keep_sending, ann_account, audience, number, erased, started)
            for number in range(SYSTEMS)
        ]
        started.wait(20)
        with scope.account(ann_account):
            assert erasing.leave(account_id=ann_account.pk, profile_id=jan.pk, source="test", erases=True)
        erased.set()
        answers = [future.result(60) for future in sent]
    assert answers == [["erased"]] * SYSTEMS
    with scope.account(ann_account):
        assert not Profile.objects.filter(forgotten_at=None).exists()
        assert not Member.objects.exists()
        assert not Pending.objects.exists()
        stored = Audience.objects.get()
        assert (stored.member_count, stored.held_count) == (0, 0)
