"""Reconciling: read a goal's list back from the ESP, ask again for who is missing, compare, and write nothing there.

A reconciliation goes from state to state, each step saved before the next begins, so that a crash goes on where it
stopped. What to do about the differences is for a person to say: `connectors.sync.reconciling.repairing`.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from connectors import alerts
from connectors.esp.contract import Can, Connector
from connectors.esp.errors import ConnectorError, NeedsAttention, NotFound, RateLimited
from connectors.models import Finding, Goal, ListEntry, Reconciliation
from connectors.sync import esp, health
from connectors.sync.reconciling import comparing, reading
from connectors.sync.reconciling.reading import Entry, Overtaken, Reader
from connectors.sync.sources import Shape
from syncapp.accounts.models import User
from syncapp.work import Slice, wake

RECONCILE = "connectors.reconcile"
ASKED_MOST = 2000  # people looked up one by one; more are missing only when something else is wrong
ASKED_AT_ONCE = 50
KEPT = 30  # reconciliations per goal
GIVEN_UP_AFTER = timedelta(hours=12)

State = Reconciliation.State


class CannotReconcile(RuntimeError):
    """In words for staff: what has to be set up first."""


@transaction.atomic
def queue(goal: Goal, *, trigger: str, requested_by: User | None = None) -> Reconciliation:
    """A reconciliation, handed to the workers on commit; the one already under way, if there is one."""
    lock(goal)
    open_one: Reconciliation | None = goal.reconciliations.filter(state__in=Reconciliation.OPEN).first()
    if open_one is not None:
        return open_one
    problem = obstacle(goal)
    if problem:
        raise CannotReconcile(problem)
    made: Reconciliation = Reconciliation.objects.create(
        account_id=goal.account_id, goal=goal, trigger=trigger, requested_by=requested_by
    )
    wake(RECONCILE, str(made.pk), account_id=goal.account_id)
    return made


def lock(goal: Goal) -> None:
    """Who asks for a reconciliation of a goal waits for who asked before; planning goes on meanwhile."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended('reconcile', %s))", [goal.pk])


def obstacle(goal: Goal) -> str:
    """Why the list cannot be read back, in words for staff; empty when it can."""
    if not goal.connection.enabled:
        return "The connection is switched off."
    if not goal.list_id:
        return "Choose the list at the ESP first."
    if not goal.connection.objective_links.exists():
        return "Attach an objective to the connection first: without one nobody is to be mailed."
    return ""


def advance(reconciliation: Reconciliation, slice_: Slice) -> float | None:
    """Read on until the slice is over. Seconds until the next look; None when it is done."""
    goal = reconciliation.goal
    problem = obstacle(goal)
    if problem:
        fail(reconciliation, problem)
        return None
    with esp.connect(goal.connection.authorization, goal.connection) as connector:
        try:
            return Reading(reconciliation, connector, slice_).run()
        except Overtaken:
            return None
        except ConnectorError as error:
            return note_trouble(reconciliation, error)


class Reading:
    """One slice of a reconciliation."""

    def __init__(self, reconciliation: Reconciliation, connector: Connector, slice_: Slice) -> None:
        self.reconciliation = reconciliation
        self.goal = reconciliation.goal
        self.connector = connector
        self.slice = slice_
        self.reader = Reader(self.goal, connector, Shape.of(self.goal))

    def run(self) -> float | None:
        steps = {State.QUEUED: self.begin, State.READING: self.read, State.CHECKING: self.check}
        was = self.reconciliation.state
        while (step := steps.get(State(self.reconciliation.state))) is not None:
            if self.slice.is_over():
                return 0
            step()
        if was != State.COMPARING:
            return 0  # one statement over everybody gets a slice of its own
        finish(self.reconciliation)
        return None

    def begin(self) -> None:
        """See that the list is there, and note by the database's clock when the reading began."""
        if Can.READ_LIST not in self.connector.spec.can:
            raise NotFound(f"{self.connector.spec.label} cannot list its subscribers.")
        note = self.look_at_list()
        fields = self.reader.compared_fields()
        part = self.reader.parts()[0].value
        forget_entries(self.goal)
        self.move(State.READING, began_at=database_now(), part=part, note=note[:300], fields=fields)

    def look_at_list(self) -> str:
        """What is new about the list itself, in words. Raises NotFound when it is gone."""
        details = self.connector.list_details(self.goal.list_id)
        Goal.objects.filter(pk=self.goal.pk, problem=gone_words(self.goal)).update(problem="")
        alerts.list_found(self.goal)
        if details.name == self.goal.list_name:
            return ""
        before = self.goal.list_name
        Goal.objects.filter(pk=self.goal.pk).update(list_name=details.name[:200])
        return f"The list was renamed at the ESP: from “{before}” to “{details.name}”." if before else ""

    def read(self) -> None:
        """Page by page, until the slice is over or the last part is read."""
        mine = self.reconciliation
        parts = [part.value for part in self.reader.parts()]
        while mine.part and not self.slice.is_over():
            part = next(known for known in reading.PARTS if known.value == mine.part)
            page = self.reader.page(part, mine.cursor or None)
            after = parts[parts.index(part.value) + 1 :]
            mine.attempts = 0
            entries = self.reader.entries(part, page.people)
            reading.keep_page(mine, entries, page, after[0] if after else "")
        if not mine.part:
            self.move(State.CHECKING, reason="")

    def check(self) -> None:
        """A page may miss somebody while others come and go: who is missing is asked for by name."""
        mine = self.reconciliation
        if Can.READ_SUBSCRIBER not in self.connector.spec.can:
            self.move(State.COMPARING)
            return
        left = ASKED_MOST - mine.asked
        candidates = comparing.missing(mine, int(mine.cursor or 0), left) if left > 0 else []
        for start in range(0, len(candidates), ASKED_AT_ONCE):
            if self.slice.is_over():
                return
            self.ask(candidates[start : start + ASKED_AT_ONCE])
        self.move(State.COMPARING)

    def ask(self, people: list[tuple[int, str]]) -> None:
        found = []
        for _, address in people:
            person = self.connector.subscriber(self.goal.list_id, address)
            if person is not None:
                found.append(Entry(address, person.state.value, False, self.reader.moment(person)))
        mine = self.reconciliation
        with transaction.atomic():
            reading.keep(mine, found)
            self.move(State.CHECKING, cursor=str(people[-1][0]), asked=mine.asked + len(people), attempts=0)

    def move(self, state: str, **changed: Any) -> None:
        """Raises Overtaken when somebody else has."""
        mine = self.reconciliation
        changed = {"cursor": "", **changed, "state": state}
        rows = Reconciliation.objects.filter(pk=mine.pk, state=mine.state, cursor=mine.cursor)
        if not rows.update(**changed):
            raise Overtaken
        for name, value in changed.items():
            setattr(mine, name, value)


def finish(reconciliation: Reconciliation) -> None:
    """Compare and close, in one transaction; then forget what is not needed any more."""
    with transaction.atomic():
        mine = Reconciliation.objects.select_for_update(no_key=True, of=["self"]).get(pk=reconciliation.pk)
        if mine.state != State.COMPARING:
            return
        moment = database_now()
        rows = comparing.compare(mine)
        mine.matrix = comparing.matrix_of(rows)
        mine.differences = comparing.differences_of(rows)
        mine.moving = sum(people for side, _, _, people in rows if side == Finding.Side.MOVING)
        mine.compared_at = mine.finished_at = moment
        mine.state = State.DONE
        mine.note = " ".join(filter(None, [mine.note, asked_words(mine)]))[:300]
        mine.save()
    tidy(mine)


def asked_words(mine: Reconciliation) -> str:
    missing = mine.differences.get(Finding.Kind.MISSING, 0)
    if mine.asked < ASKED_MOST or not missing:
        return ""
    return f"Of those missing, {mine.asked:,} were asked for one by one; the others were not on any page."


def tidy(last: Reconciliation) -> None:
    """People of the last reconciliation only, counts of the last thirty."""
    goal = last.goal
    forget_entries(goal)
    earlier = goal.reconciliations.exclude(pk=last.pk)
    Finding.objects.of(goal.account_id).filter(reconciliation_id__in=list(ids(earlier))).delete()
    kept = list(ids(goal.reconciliations.order_by("-queued_at")[:KEPT]))
    goal.reconciliations.exclude(pk__in=kept).delete()


def forget_entries(goal: Goal) -> None:
    """Of all readings of the goal: there is one at a time."""
    entries = ListEntry.objects.of(goal.account_id)
    entries.filter(reconciliation_id__in=list(ids(goal.reconciliations.all()))).delete()


def ids(rows: QuerySet[Reconciliation]) -> QuerySet[Any]:
    return rows.values_list("pk", flat=True)


def note_trouble(reconciliation: Reconciliation, error: ConnectorError) -> float | None:
    """Later, in words; or never, when a person must act or half a day has gone."""
    if isinstance(error, NotFound) and error.operation in ("list_details", "read_list", "fields"):
        words = gone_words(reconciliation.goal)
        Goal.objects.filter(pk=reconciliation.goal_id).update(problem=words)
        alerts.list_gone(reconciliation.goal, words)
        fail(reconciliation, words)
        return None
    overdue = timezone.now() - reconciliation.queued_at > GIVEN_UP_AFTER
    if isinstance(error, NeedsAttention) or overdue:
        fail(reconciliation, f"{error} {error.act_by.words}")
        return None
    counts = 0 if isinstance(error, RateLimited) else 1
    Reconciliation.objects.filter(pk=reconciliation.pk).update(
        reason=f"{error} {error.act_by.words}"[:300], attempts=F("attempts") + counts
    )
    return health.pause_s(error, reconciliation.attempts)


def gone_words(goal: Goal) -> str:
    name = f"“{goal.list_name}” " if goal.list_name else ""
    return f"The list {name}does not exist at the ESP any more. Choose another list for this goal, or delete the goal."


def fail(reconciliation: Reconciliation, reason: str) -> None:
    Reconciliation.objects.filter(pk=reconciliation.pk, state__in=Reconciliation.READS).update(
        state=State.FAILED, reason=reason[:300], finished_at=timezone.now()
    )
    forget_entries(reconciliation.goal)


def database_now() -> Any:
    """Memory is dated by the database's clock: so is what it is compared with."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        return cursor.fetchone()[0]
