"""Faults × verbs. In every cell the verb must end in a documented error in time, and work once the fault is gone.

"Work": repeating it succeeds, and the ESP has seen one effect for each person.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field, replace

from connectors.esp import deadline, http, registry
from connectors.esp.contract import Can, Connector, Contact, FieldType, Outcome, State, Status
from connectors.esp.errors import (
    Ambiguous,
    BadCredentials,
    Conflict,
    ConnectorError,
    Consequence,
    Forbidden,
    RateLimited,
    Refused,
    ServerFailed,
    TryAgain,
    Unexpected,
    Unknown,
    Unreachable,
)
from connectors.esp.http import Call, Http, Reply
from connectors.simulators import Running

from ..esp.loopback import loopback, saying
from ..esp.stages import Ground, Stage
from . import places
from .certificates import trust

READ_S, TOTAL_S, CONNECT_S = 0.25, 0.5, 0.25
SLACK_S = 0.5
EVE, ADAM, NEW = "eve@example.com", "adam@example.com", "new@example.com"
Error = type[ConnectorError]


@dataclass(frozen=True)
class Scene:
    """A connector and the list it works on; ``simulator`` is what stands behind it."""

    connector: Connector
    simulator: Running
    stage: Stage
    ground: Ground

    @property
    def active(self) -> str:
        return self.stage.standing[State.ACTIVE]


@dataclass(frozen=True)
class Verb:
    """``effects``: entries of the journal that one success leaves, by address. ``people``: whom it writes."""

    act: Callable[[Scene], object]
    needs: Can | None = None
    effects: Callable[[Scene], Mapping[str, int]] = lambda scene: {}
    people: Callable[[Scene], tuple[str, ...]] = lambda scene: ()
    name: str = ""  # of the contract, where a verb has two rows


def _two() -> list[Contact]:
    return [Contact(EVE, "Eve"), Contact(ADAM, "Adam")]


def _removed(scene: Scene) -> str:
    return scene.stage.standing[State.REMOVED]


VERBS: dict[str, Verb] = {
    "check_credentials": Verb(lambda s: s.connector.check_credentials()),
    "clients": Verb(lambda s: s.connector.clients(), Can.READ_CLIENTS),
    "client": Verb(lambda s: s.connector.client(s.ground.client_id), Can.READ_CLIENTS),
    "lists": Verb(lambda s: s.connector.lists(s.ground.client_id), Can.READ_LISTS),
    "list_details": Verb(lambda s: s.connector.list_details(s.ground.list_id), Can.READ_LISTS),
    "fields": Verb(lambda s: s.connector.fields(s.ground.list_id), Can.READ_FIELDS),
    "create_field": Verb(
        lambda s: s.connector.create_field(s.ground.list_id, "Shoe size", FieldType.NUMBER), Can.CREATE_FIELDS
    ),
    "upsert": Verb(
        lambda s: s.connector.upsert(s.ground.list_id, _two()),
        Can.UPSERT,
        lambda s: {EVE: 1, ADAM: 1},
        lambda s: (EVE, ADAM),
    ),
    "restore": Verb(
        lambda s: s.connector.upsert(s.ground.list_id, [Contact(_removed(s), "Back")], restore=True),
        Can.RESTORE,
        lambda s: {_removed(s): 1},
        lambda s: (_removed(s),),
        "upsert",
    ),
    "unsubscribe": Verb(
        lambda s: s.connector.unsubscribe(s.ground.list_id, [s.active]),
        Can.UNSUBSCRIBE,
        lambda s: {s.active: 1},
        lambda s: (s.active,),
    ),
    "remove": Verb(
        lambda s: s.connector.remove(s.ground.list_id, [s.active]),
        Can.REMOVE,
        lambda s: {s.active: 1},
        lambda s: (s.active,),
    ),
    "rename": Verb(
        lambda s: s.connector.rename(s.ground.list_id, s.active, NEW),
        Can.RENAME,
        lambda s: {s.active: 1, NEW: 1},
        lambda s: (s.active,),
    ),
    "subscriber": Verb(lambda s: s.connector.subscriber(s.ground.list_id, s.active), Can.READ_SUBSCRIBER),
    "read_list": Verb(lambda s: s.connector.read_list(s.ground.list_id, State.ACTIVE), Can.READ_LIST),
    "suppressions": Verb(lambda s: s.connector.suppressions(s.ground.client_id), Can.READ_SUPPRESSIONS),
}


@dataclass(frozen=True)
class Fault:
    """``place``: elsewhere than at the simulator; else ``kind``: what the simulator does. ``error``: what the
    verb must raise, ``once`` where its call must not simply be repeated. ``spares_others``: a verb of single
    people may put it down to the one person.
    """

    name: str
    error: Error
    once: Error | None = None
    kind: Mapping[str, object] = field(default_factory=dict)
    place: Callable[[], AbstractContextManager[str]] | None = None
    leads_elsewhere: bool = False
    is_partial: bool = False
    spares_others: bool = False

    def expected(self, verb: str, *, repeatable: bool) -> Error:
        if self.name == "409" and verb == "create_field":
            return Conflict
        if repeatable or self.once is None:
            return self.error
        return self.once


def _status(status: int, error: Error, once: Error | None = None) -> Fault:
    return Fault(str(status), error, once, {"kind": "status", "status": status})


SECONDS = 4 * TOTAL_S
FAULTS: tuple[Fault, ...] = (
    Fault("refused", Unreachable, place=places.refused),
    Fault("no such name", Unreachable, place=places.no_such_name),
    Fault("self-signed", Unreachable, place=lambda: places.certified(places.self_signed())),
    Fault("expired", Unreachable, place=lambda: places.certified(places.expired())),
    Fault("another's certificate", Unreachable, place=lambda: places.certified(places.of_somebody_else())),
    Fault("no TLS", Unreachable, place=places.speaking_no_tls),
    Fault("handshake hangs", Unreachable, place=places.shaking_hands_for_ever),
    Fault("connect hangs", Unreachable, place=places.connecting_for_ever),
    Fault("first byte hangs", Unreachable, Ambiguous, {"kind": "slow", "seconds": SECONDS}),
    Fault("drips", Unreachable, Ambiguous, {"kind": "drip", "seconds": SECONDS}),
    Fault("truncated", Unreachable, Ambiguous, {"kind": "truncated"}),
    Fault("reset before", Unreachable, Ambiguous, {"kind": "reset_before"}),
    Fault("reset after", Unreachable, Ambiguous, {"kind": "reset_after"}),
    Fault("200 page", Unexpected, None, {"kind": "html", "status": 200}),
    Fault("200 bad JSON", Unknown, Ambiguous, {"kind": "bad_json"}),
    Fault("200 wrong charset", Unknown, Ambiguous, {"kind": "wrong_charset"}),
    Fault("204 done", Unknown, Ambiguous, {"kind": "emptied"}),
    Fault("204 not done", Unknown, Ambiguous, {"kind": "empty"}),
    Fault("301", Unexpected, None, {"kind": "redirect", "status": 301}, leads_elsewhere=True),
    Fault("302", Unexpected, None, {"kind": "redirect", "status": 302}, leads_elsewhere=True),
    Fault("308", Unexpected, None, {"kind": "redirect", "status": 308}, leads_elsewhere=True),
    Fault("400", Unexpected, None, {"kind": "status", "status": 400}, spares_others=True),
    _status(401, BadCredentials),
    _status(403, Forbidden),
    _status(404, Unexpected),
    _status(409, TryAgain),
    _status(413, Refused),
    _status(418, Unknown),
    _status(422, Refused),
    Fault("429 seconds", RateLimited, None, {"kind": "rate_limited", "retry_after": 7}),
    Fault("429 date", RateLimited, None, {"kind": "rate_limited", "retry_after": "date", "seconds": 60}),
    Fault("429 alone", RateLimited, None, {"kind": "rate_limited"}),
    _status(500, ServerFailed, Ambiguous),
    Fault("502 page", ServerFailed, Ambiguous, {"kind": "html", "status": 502}),
    _status(503, ServerFailed),
    Fault("504 page", ServerFailed, Ambiguous, {"kind": "html", "status": 504}),
    Fault("partial", Unknown, None, {"kind": "partial"}, is_partial=True),
)


@dataclass(frozen=True)
class Cell:
    """``ended``: the consequence, or "-" where the fault has no meaning. ``problem`` is "" when it survived."""

    fault: str
    verb: str
    ended: str
    seconds: float = 0.0
    problem: str = ""


@contextmanager
def hurried() -> Iterator[None]:
    """Deadlines short enough for a test; nothing else is changed. Our authority is believed meanwhile."""
    call, connect_s = Http.call, http.CONNECT_S

    def short(self: Http, one: Call) -> Reply:
        return call(self, replace(one, read_s=min(one.read_s, READ_S), total_s=min(one.total_s, TOTAL_S)))

    trust(deadline._certificates())
    Http.call, http.CONNECT_S = short, CONNECT_S  # type: ignore[method-assign,misc]
    try:
        yield
    finally:
        Http.call, http.CONNECT_S = call, connect_s  # type: ignore[method-assign,misc]


@dataclass
class Trial:
    """Where cells are tried: one simulator of one connector."""

    key: str
    stage: Stage
    simulator: Running

    def scene(self, base_url: str, ground: Ground) -> Scene:
        connector = registry.connect(self.key, dict(self.stage.settings), base_url=base_url)
        return Scene(connector, self.simulator, self.stage, ground)

    def try_row(self, fault: Fault) -> list[Cell]:
        return [self.try_cell(fault, verb) for verb in VERBS]

    def try_cell(self, fault: Fault, name: str) -> Cell:
        verb = VERBS[name]
        can = registry.get(self.key).spec.can
        if verb.needs is not None and not can & verb.needs:
            return Cell(fault.name, name, "-")
        self.simulator.clear_faults()
        self.simulator.reset()
        self.simulator.clear_counters()
        ground = self.stage.lay(self.simulator)
        with ExitStack() as stack:
            base_url = self.simulator.base_url
            if fault.place is not None:
                base_url = stack.enter_context(fault.place())
            elsewhere = stack.enter_context(loopback(saying(200, b"{}")))
            broken, whole = self.scene(base_url, ground), self.scene(self.simulator.base_url, ground)
            stack.callback(broken.connector.close)
            stack.callback(whole.connector.close)
            if fault.is_partial and not verb.people(broken):
                return Cell(fault.name, name, "-")
            self.break_it(fault, name, broken, elsewhere.base_url)
            ended, seconds, problem = observe(fault, verb, name, broken)
            self.simulator.clear_faults()
            problem = problem or converge(verb, name, whole)
            if elsewhere.connections:
                problem = "the credentials went to another host"
            return Cell(fault.name, name, ended, seconds, problem)

    def break_it(self, fault: Fault, name: str, scene: Scene, elsewhere: str) -> None:
        if fault.place is not None:
            return
        kind = {**fault.kind, "match": self.stage.operations[VERBS[name].name or name]}
        if fault.leads_elsewhere:
            kind["location"] = elsewhere
        if fault.is_partial:
            kind["addresses"] = {VERBS[name].people(scene)[0]: 98798}  # a code nobody documented
        self.simulator.faults([kind])


def observe(fault: Fault, verb: Verb, name: str, scene: Scene) -> tuple[str, float, str]:
    """What the verb makes of the fault: its consequence, the time it took, and what is wrong with that."""
    start = time.monotonic()
    error: ConnectorError | None = None
    answer: object = None
    try:
        answer = verb.act(scene)
    except ConnectorError as raised:
        error = raised
    except Exception as raised:  # noqa: BLE001 - any other is what this looks for
        return "crash", time.monotonic() - start, f"undocumented {type(raised).__name__}: {raised}"
    seconds = time.monotonic() - start
    if seconds > TOTAL_S + SLACK_S:
        return "late", seconds, f"took {seconds:.1f} s"
    if error is None:
        ended, wrong = judged(fault, answer, verb.people(scene))
        return ended, seconds, wrong
    repeatable = scene.connector.spec.repeatable(verb.name or name)
    expected = fault.expected(verb.name or name, repeatable=repeatable)
    wrong = "" if type(error) is expected else f"{type(error).__name__} instead of {expected.__name__}"
    return error.consequence.value, seconds, wrong


def judged(fault: Fault, answer: object, people: tuple[str, ...]) -> tuple[str, str]:
    """An answer without an error is right only where one person of several was refused."""
    outcomes = [one for one in answer if isinstance(one, Outcome)] if isinstance(answer, list) else []
    outcomes += [answer] if isinstance(answer, Outcome) else []
    if not (fault.is_partial or fault.spares_others) or not outcomes:
        return "success", "a success"
    statuses = [one.status for one in outcomes]
    if statuses != [Status.RETRY, *[Status.DONE] * (len(people) - 1)]:
        return "mixed", f"outcomes {statuses}"
    return Consequence.RETRY.value, ""


def converge(verb: Verb, name: str, scene: Scene) -> str:
    """Repeat it without the fault. What is wrong with the result, "" when nothing is."""
    try:
        answer = verb.act(scene)
    except Conflict:  # it was made: read and adopt it
        names = [found.name for found in scene.connector.fields(scene.ground.list_id)]
        return "" if names.count("Shoe size") == 1 else f"fields {names}"
    except ConnectorError as error:
        return f"repeated: {type(error).__name__}: {error}"
    outcomes = answer if isinstance(answer, list) else [answer]
    if any(isinstance(one, Outcome) and one.status is not Status.DONE for one in outcomes):
        return f"repeated: {[one.code for one in outcomes if isinstance(one, Outcome)]}"
    seen = {
        address: told["effects"] for address, told in scene.simulator.addresses(scene.ground.list_id).items()
    }
    wanted = dict(verb.effects(scene))
    return "" if {a: n for a, n in seen.items() if n} == wanted else f"effects {seen}, not {wanted}"


def table(cells: list[Cell]) -> str:
    """Faults down, verbs across."""
    shown = {(cell.fault, cell.verb): cell.ended + (" !" if cell.problem else "") for cell in cells}
    verbs, faults = list(VERBS), list(dict.fromkeys(cell.fault for cell in cells))
    rows = [["", *verbs], *([fault, *(shown[fault, verb] for verb in verbs)] for fault in faults)]
    widths = [max(len(row[n]) for row in rows) for n in range(len(rows[0]))]
    return "\n".join("  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() for row in rows)
