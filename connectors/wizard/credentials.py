"""Checking credentials, and setting going again what stood still because of them."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from connectors.models import Authorization, Connection, Goal
from connectors.pace import breaker
from connectors.sync import esp
from connectors.sync.runs import DELIVER
from connectors.wizard.remote import Answer, ask
from syncapp.work import wake_all


def check(authorization: Authorization) -> Answer[None]:
    """Ask the ESP, and keep its answer with the authorization. No answer at all leaves the state as it was."""
    answer = ask(authorization, lambda connector: connector.check_credentials())
    if answer.came:
        note_works(authorization)
    elif answer.refused:
        note_state(authorization, Authorization.State.REFUSED, answer.problem)
    else:
        note_state(authorization, authorization.state, answer.problem)
    return answer


@transaction.atomic
def note_works(authorization: Authorization) -> None:
    """The credentials work: connections they had stopped are healthy, and what waits for them is looked at."""
    note_state(authorization, Authorization.State.WORKS, "")
    breaker.note(esp.subject_of(authorization), worked=1, error=None, is_probe=True)
    Connection.objects.filter(
        authorization=authorization, state__in=[Connection.State.REAUTHENTICATE, Connection.State.WAITING]
    ).update(state=Connection.State.HEALTHY, state_reason="", state_since=timezone.now())
    goals = Goal.objects.filter(connection__authorization=authorization)
    wake_goals(authorization.account_id, list(goals.values_list("pk", flat=True)))


def wake_goals(account_id: int, goal_ids: list[int]) -> None:
    if goal_ids:
        wake_all(DELIVER, [str(goal_id) for goal_id in goal_ids], account_id=account_id)


def note_state(authorization: Authorization, state: str, reason: str) -> None:
    authorization.state, authorization.state_reason = state, reason[:300]
    authorization.checked_at = timezone.now()
    Authorization.objects.filter(pk=authorization.pk).update(
        state=authorization.state,
        state_reason=authorization.state_reason,
        checked_at=authorization.checked_at,
    )
