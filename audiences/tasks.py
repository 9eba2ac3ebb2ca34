"""What the audiences tidy up by themselves."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

import audiences.approved
import audiences.erasing.work
import audiences.imports.carrying
import audiences.imports.storing
import audiences.jobs.carrying
import audiences.jobs.expiry
import audiences.syncs.carrying
import audiences.syncs.expiry
import audiences.syncs.leftovers  # noqa: F401  registers, as do those above
from audiences.compat.mailplus.nonces import forget_old as forget_old_nonces
from audiences.deleting import expire_due, purge
from audiences.ingest.sweep import sweep
from audiences.models import Audience, Change
from audiences.reach import RECOUNT, forget_counts, recount
from syncapp.accounts import scope
from syncapp.accounts.models import Account
from syncapp.work import Slice, daily, every, handler

PLANNED_KEPT = timedelta(days=7)


@daily("03:10", name="sweep_audiences")
def sweep_audiences(slice_: Slice) -> float | None:
    """Traces of removals, people who waited too long, planned changes and old nonces, account by account."""
    for account_id in Account.objects.order_by("pk").values_list("pk", flat=True):
        with scope.account(account_id):
            sweep(account_id)
            forget_counts(account_id)
            Change.objects.filter(planned_at__lt=timezone.now() - PLANNED_KEPT).delete()
            forget_old_nonces()
    return None


@daily("03:25", name="purge_audiences")
def purge_audiences(slice_: Slice) -> float | None:
    """Deleted audiences that can no longer be restored, a slice at a time."""
    for account_id in Account.objects.order_by("pk").values_list("pk", flat=True):
        with scope.account(account_id):
            if not purge(account_id, slice_):
                return 0
    return None


@every(300, name="expire_audiences")
def expire_audiences(slice_: Slice) -> float | None:
    """Delete what has expired, account by account."""
    with scope.everything("audiences of every account expire"):
        due = Audience.objects.filter(deleted_at=None, expires_at__lte=timezone.now()).order_by()
        account_ids = sorted(set(due.values_list("account_id", flat=True)))
    for account_id in account_ids:
        with scope.account(account_id):
            expire_due(account_id)
    return None


@handler(RECOUNT)
def recount_reach(account_id: int, key: str, slice_: Slice) -> float | None:
    """How many members of the large audiences may be mailed."""
    return None if recount(account_id, slice_) else 0
