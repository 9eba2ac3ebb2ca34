"""What happens when an ESP that failed, or whose credentials did, works again."""

from __future__ import annotations

from connectors.models import Breaker, Goal
from connectors.pace.breaker import Transition
from connectors.sync.runs import DELIVER
from syncapp.work import wake_all


def wake_goals(transition: Transition) -> None:
    """A breaker closed: the goals that waited for it are looked at now, not when each would have tried."""
    if transition.after != Breaker.State.CLOSED:
        return
    goals = Goal.objects.of(transition.account_id).filter(
        connection__authorization_id=transition.authorization_id
    )
    goal_ids = [str(goal_id) for goal_id in goals.values_list("pk", flat=True)]
    if goal_ids:
        wake_all(DELIVER, goal_ids, account_id=transition.account_id)
