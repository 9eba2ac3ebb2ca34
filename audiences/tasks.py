"""What the audiences tidy up by themselves."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from audiences.models import Change, Member, Pending
from syncapp.accounts import scope
from syncapp.work import Slice, daily

PLANNED_KEPT = timedelta(days=7)
REMOVED_KEPT = timedelta(days=30)  # news of a removal older than this is not expected any more


@daily("03:10", name="forget_changes")
def forget_changes(slice_: Slice) -> float | None:
    """Planned changes and the traces of removed members, of every account."""
    now = timezone.now()
    with scope.everything("rows of every account grow old"):
        Change.objects.filter(planned_at__lt=now - PLANNED_KEPT).delete()
        Member.objects.filter(state=Member.State.REMOVED, changed_at__lt=now - REMOVED_KEPT).delete()
        Pending.objects.filter(expires_at__lt=now).delete()
    return None
