"""After the storm: time passes, until nobody has anything to do or the patience ends."""

from __future__ import annotations

import time
from collections.abc import Callable

from django.db.models.functions import Now

from audiences.models import Change
from connectors.models import Flight, Run, Subscriber
from connectors.models.pace import Breaker, CallBudget
from syncapp.accounts import scope
from syncapp.accounts.models import Account
from syncapp.work.models import Wakeup
from tests.chaos.scene import patiently

LOOK_S = 0.5
WHY = "a chaos run looks at every account"


def wait_for_quiet(timeout_s: float, meanwhile: Callable[[], None]) -> dict[str, int]:
    """What is left to do in the end, per kind: {} when all is done. `meanwhile` is called now and then."""
    until_s = time.monotonic() + timeout_s
    while (left := patiently(left_to_do)) and time.monotonic() < until_s:
        patiently(let_time_pass)
        meanwhile()
        time.sleep(LOOK_S)
    return left


def left_to_do(account: Account | None = None) -> dict[str, int]:
    with scope.everything(WHY) if account is None else scope.account(account):
        counts = {
            "changes": Change.objects.filter(planned_at=None).count(),
            "due people": Subscriber.objects.exclude(due_at=None).count(),
            "flights": Flight.objects.count(),
            "open runs": Run.objects.filter(state__in=Run.OPEN).count(),
            "wake-ups": Wakeup.objects.filter(kind__startswith="connectors.").count(),
        }
    return {what: count for what, count in counts.items() if count}


def let_time_pass() -> None:
    """What waits for a later moment waits no longer: the hours of a retry are not what is tested here.

    What was learned of the ESP's limits and failures is forgotten, as after some quiet days.
    """
    with scope.everything(WHY):
        CallBudget.objects.filter(learned_at__isnull=False).update(
            learned_per_s=None, ceiling_per_s=None, learned_at=None, blocked_until=None, tokens=None
        )
        Breaker.objects.exclude(state=Breaker.State.CLOSED).update(probe_at=Now())
        Subscriber.objects.filter(due_at__gt=Now()).update(due_at=Now())
        Wakeup.objects.filter(state="waiting", due_at__gt=Now(), kind__startswith="connectors.").update(
            due_at=Now(), retry_at=None
        )
