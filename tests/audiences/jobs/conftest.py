"""Jobs of a kind that the test carries out itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from audiences import jobs
from audiences.jobs import registry
from audiences.jobs.carrying import carry_out
from audiences.models import Job
from syncapp.accounts import scope
from syncapp.accounts.models import Account
from syncapp.work import Slice

IMPORT = Job.Kind.CONTACTS_IMPORT


@pytest.fixture
def carried(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Carry contact imports out by this function, in this test only."""

    def register(function: registry.Carrier) -> None:
        monkeypatch.setitem(registry.carriers, IMPORT, function)

    return register


@pytest.fixture
def queued(db: None) -> Callable[..., Job]:
    def make(account: Account, **options: Any) -> Job:
        with scope.account(account):
            return jobs.queue(client=None, account_id=account.pk, kind=IMPORT, **options)

    return make


def work_at(job: Job) -> float | None:
    """One slice, as the worker does it; what the handler answered."""
    with scope.account(job.account_id):
        again_s = carry_out(job.account_id, str(job.pk), Slice())
        job.refresh_from_db()
    return again_s
