"""What the engine tells people, one function per kind of alert."""

from __future__ import annotations

from typing import Any

from django.urls import reverse

from connectors.models import Authorization, Connection, Goal, Run
from syncapp.accounts.models import Account
from syncapp.notices import raise_alert, register_kind, resolve_alert
from syncapp.notices.models import Alert

DID_NOT_START = "did_not_start"
CREDENTIALS_REFUSED = "credentials_refused"
CONNECTOR_BROKE = "connector_broke"
RUN_HELD = "run_held"
PLAN_FAILED = "plan_failed"
LIST_GONE = "list_gone"
RUN_LOST = "run_lost"
CONSERVATION_BROKEN = "conservation_broken"
RUN_FAILED = "run_failed"
RUN_WARNINGS = "run_warnings"
CONNECTION_TROUBLE = "connection_trouble"
CREDENTIALS_ENDING = "credentials_ending"
FAILURES_OF_A_CHANGE = 25  # people; a single bad address that comes in by a change is no news

register_kind(
    DID_NOT_START,
    "A scheduled run did not start",
    default_on=True,
    help="Its time came and went, or the time by which it was expected.",
)
register_kind(
    LIST_GONE,
    "A list does not exist any more",
    default_on=True,
    help="Somebody deleted it at the ESP: its goal cannot go on.",
)

register_kind(
    RUN_HELD,
    "A run waits for approval",
    default_on=True,
    help="Its plan is to be looked at before anyone is sent or taken off.",
)
register_kind(
    PLAN_FAILED,
    "A goal could not be planned",
    default_on=True,
    help="Changes of people are not followed until a full run works again.",
)

register_kind(
    CREDENTIALS_REFUSED,
    "Credentials are refused",
    default_on=True,
    help="The ESP does not let us in any more: nothing is sent until new credentials are entered.",
)
register_kind(
    CONNECTOR_BROKE,
    "A fault of ours keeps people from being sent",
    default_on=True,
    help="Repeating does not help: the application has to be repaired.",
)
register_kind(
    RUN_FAILED,
    "A run failed",
    default_on=True,
    help="Nobody could be sent. Over with the next full run that reaches people.",
)
register_kind(
    RUN_WARNINGS,
    "A run ended with warnings",
    default_on=True,
    help="Some people failed, or nobody was there to be sent. Over with the next full run without.",
)
register_kind(
    CONNECTION_TROUBLE,
    "A connection needs attention",
    default_on=True,
    help="The ESP answers, but refuses what is asked until somebody repairs what is named.",
)
register_kind(
    CREDENTIALS_ENDING,
    "Credentials end soon",
    default_on=True,
    help="Told two weeks before, so that nothing has to stop.",
)
register_kind(
    RUN_LOST,
    "A run was lost",
    default_on=True,
    help="It waited for people nobody was sending any more. A full run makes good for it.",
)
register_kind(
    CONSERVATION_BROKEN,
    "The books do not close",
    default_on=True,
    help="A run counts other people than those something happened to: a fault of ours.",
)


def did_not_start(goal: Goal, title: str, words: str) -> None:
    """`words` says why, as far as known, and what to do."""
    raise_alert(**of_goal(goal, DID_NOT_START), title=title, words=words)


def did_start(goal: Goal) -> None:
    resolve_alert(account_id=goal.account_id, kind=DID_NOT_START, subject=subject_of(goal.pk))


def list_gone(goal: Goal, words: str) -> None:
    raise_alert(**of_goal(goal, LIST_GONE), title=f"The list of “{goal}” is gone", words=words)


def list_found(goal: Goal) -> None:
    resolve_alert(account_id=goal.account_id, kind=LIST_GONE, subject=subject_of(goal.pk))


def not_expected_any_more(alert: Alert) -> None:
    """Its goal was switched off, deleted, or lost its schedule."""
    resolve_alert(account_id=alert.account_id, kind=alert.kind, subject=alert.subject)


def run_held(goal: Goal, run: Run) -> None:
    raise_alert(
        **{**of_goal(goal, RUN_HELD), "url": reverse("admin:connectors_run_change", args=[run.pk])},
        severity="warning",
        title="A run waits for approval",
        words=run.reason,
    )


def run_not_held(goal: Goal) -> None:
    resolve_alert(account_id=goal.account_id, kind=RUN_HELD, subject=subject_of(goal.pk))


def plan_failed(goal: Goal, words: str) -> None:
    raise_alert(**of_goal(goal, PLAN_FAILED), title="A goal could not be planned", words=words)


def plan_works(goal: Goal) -> None:
    resolve_alert(account_id=goal.account_id, kind=PLAN_FAILED, subject=subject_of(goal.pk))


def credentials_refused(connection: Connection, words: str) -> None:
    """One alert per set of credentials, however many connections use them."""
    authorization = connection.authorization
    raise_alert(
        account_id=connection.account_id,
        kind=CREDENTIALS_REFUSED,
        subject=subject_of_authorization(connection),
        subject_label=str(authorization),
        source=f"connection:{connection.pk}",
        url=reverse("admin:connectors_authorization_change", args=[authorization.pk]),
        title=f"The ESP refuses the credentials “{authorization}”",
        words=f"{words} Nothing is sent until then; what waits goes out by itself afterwards.",
    )


def connector_broke(goal: Goal, where: str) -> None:
    """`where` names a place in our code."""
    raise_alert(
        **of_goal(goal, CONNECTOR_BROKE),
        title=f"A fault of ours keeps people of “{goal}” from being sent",
        words=f"{where}. The others are sent; those it meets are tried again and then listed as failed people.",
    )


def works_again(goal: Goal) -> None:
    """People were sent. A fault of ours is over when somebody says so: it may strike others only."""
    subject = subject_of_authorization(goal.connection)
    resolve_alert(account_id=goal.account_id, kind=CREDENTIALS_REFUSED, subject=subject)
    trouble = f"connection:{goal.connection_id}"
    resolve_alert(account_id=goal.account_id, kind=CONNECTION_TROUBLE, subject=trouble)
    list_found(goal)


def run_ended(run: Run) -> None:
    """Tell of a run that failed people, and take it back with the next full one that did not.

    Runs of a change come all day long: they tell of many failures only, and prove nothing about everybody.
    """
    failures = run.rejected + run.removal_rejected + run.dead + run.removal_dead
    kind = ALERTS_OF_STATES.get(Run.State(run.state))
    is_change = run.trigger == Run.Trigger.CHANGE and not run.full
    if kind is not None and (not is_change or failures >= FAILURES_OF_A_CHANGE):
        raise_alert(
            **{**of_goal(run.goal, kind), "url": reverse("admin:connectors_run_change", args=[run.pk])},
            severity="error" if kind == RUN_FAILED else "warning",
            title=f"A run of “{run.goal}” {ENDED_WORDS[kind]}",
            words=run.reason,
        )
    if run.full and not run.dry and run.state in (Run.State.COMPLETED, Run.State.WARNINGS):
        over = [RUN_FAILED] if run.state == Run.State.WARNINGS else [RUN_FAILED, RUN_WARNINGS]
        for one in over:
            resolve_alert(account_id=run.account_id, kind=one, subject=subject_of(run.goal_id))


ALERTS_OF_STATES = {Run.State.FAILED: RUN_FAILED, Run.State.WARNINGS: RUN_WARNINGS}
ENDED_WORDS = {RUN_FAILED: "failed", RUN_WARNINGS: "ended with warnings"}


def connection_trouble(connection: Connection, words: str) -> None:
    raise_alert(
        account_id=connection.account_id,
        kind=CONNECTION_TROUBLE,
        subject=f"connection:{connection.pk}",
        subject_label=str(connection),
        source=f"connection:{connection.pk}",
        url=reverse("admin:connectors_connection_change", args=[connection.pk]),
        title=f"“{connection}” needs attention",
        words=f"{words} It tries by itself every few minutes.",
    )


def credentials_ending(authorization: Authorization, days: int) -> None:
    raise_alert(
        account_id=authorization.account_id,
        kind=CREDENTIALS_ENDING,
        subject=f"authorization:{authorization.pk}",
        subject_label=str(authorization),
        url=reverse("admin:connectors_authorization_change", args=[authorization.pk]),
        severity="warning",
        title=f"The credentials “{authorization}” end soon",
        words=f"They end in {days} {'day' if days == 1 else 'days'}: enter new ones before, and nothing stops.",
    )


def credentials_last(authorization: Authorization) -> None:
    subject = f"authorization:{authorization.pk}"
    resolve_alert(account_id=authorization.account_id, kind=CREDENTIALS_ENDING, subject=subject)


def run_lost(goal: Goal, run: Run) -> None:
    raise_alert(
        **{**of_goal(goal, RUN_LOST), "url": reverse("admin:connectors_run_change", args=[run.pk])},
        title=f"A run of “{goal}” was lost",
        words=f"{run.reason} Start a full run of the goal: it sends whoever was left out.",
    )


def conservation_broken(account: Account, differences: int) -> None:
    """`differences`: counters that say something else than the people do."""
    raise_alert(
        account_id=account.pk,
        kind=CONSERVATION_BROKEN,
        subject=f"account:{account.pk}",
        subject_label=str(account),
        url=reverse("admin:connectors_run_changelist"),
        title="The books of runs do not close",
        words=(
            f"{differences:,} counters of runs differ from what happened to people. Whoever runs this application "
            f"finds them with: manage.py conserve --account {account.slug}"
        ),
    )


def conservation_holds(account: Account) -> None:
    resolve_alert(account_id=account.pk, kind=CONSERVATION_BROKEN, subject=f"account:{account.pk}")


def subject_of_authorization(connection: Connection) -> str:
    return f"authorization:{connection.authorization_id}"


def of_goal(goal: Goal, kind: str) -> dict[str, Any]:
    """What every alert about a goal says of where it belongs; the page is the goal's."""
    return {
        "account_id": goal.account_id,
        "kind": kind,
        "subject": subject_of(goal.pk),
        "subject_label": str(goal),
        "source": f"connection:{goal.connection_id}",
        "url": reverse("admin:connectors_goal_change", args=[goal.pk]),
    }


def subject_of(goal_id: int) -> str:
    return f"goal:{goal_id}"
