"""Operations become lines of the staging tables: each item checked by itself; the database decides the rest."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from functools import cached_property

from audiences.ingest.checks import (
    to_evidence,
    to_identity,
    to_known_by_address,
    to_properties,
    with_contact,
)
from audiences.ingest.persons import Persons
from audiences.ingest.refusals import Refused
from audiences.ingest.types import ConsentGiven, ItemOutcome, Operation
from audiences.ingest.values import Check
from syncapp.database.copy import NULL, to_text

BYTES = "\\\\x"  # how COPY reads bytea in hexadecimal digits
CLOCK_SKEW = timedelta(minutes=5)
SOURCE_CHARS = 100

OPERATION_COLUMNS = (
    "n",
    "person",
    "op",
    "kind",
    "id",
    "email_sha256",
    "external_id",
    "email",
    "clears_email",
    "properties",
    "at",
)
CONSENT_COLUMNS = ("n", "objective_key", "state", "occurred_at", "method", "evidence")
OPS = {"add": "a", "remove": "r", "upsert": "u"}
KINDS = {"external_id": "x", "email": "m", "email_sha256": "h", "id": "d"}
METHODS = frozenset({"", "double_opt_in", "single", "import", "api"})


class Sheet:
    """The staged lines of one call, the items refused already, and what the statements need to know of them."""

    def __init__(
        self,
        find_checks: Callable[[], Mapping[str, Check]],
        find_objectives: Callable[[], frozenset[str]],
        now: datetime,
        of_audience: bool,
    ) -> None:
        self._find_checks = find_checks
        self._find_objectives = find_objectives
        self.of_audience = of_audience
        self._now = now
        self._latest = now + CLOCK_SKEW
        self._persons = Persons()
        self._lines: list[str] = []
        self._consent_lines: list[str] = []
        self.indexes: list[int] = []
        self.refused: list[ItemOutcome] = []
        self.kinds: set[str] = set()
        self.repeats = False
        self.has_contacts = False
        self.has_addresses = False

    @cached_property
    def _checks(self) -> Mapping[str, Check]:
        return self._find_checks()

    @cached_property
    def _objectives(self) -> frozenset[str]:
        return self._find_objectives()

    def load_vocabulary(self) -> Sheet:
        """Read properties and objectives now, in this thread."""
        checks, objectives = self._checks, self._objectives
        self._find_checks, self._find_objectives = lambda: checks, lambda: objectives
        return self

    def empty(self) -> Sheet:
        """Another sheet of the same account and time."""
        return Sheet(self._find_checks, self._find_objectives, self._now, self.of_audience)

    @property
    def received(self) -> int:
        return len(self.indexes)

    @property
    def staged(self) -> int:
        return len(self._lines)

    @property
    def may_meet(self) -> bool:
        """Whether two items can be about one person."""
        return self.repeats or self._persons.clash or len(self.kinds) > 1

    @property
    def has_consents(self) -> bool:
        return len(self._consent_lines) > 0

    @cached_property
    def lines(self) -> bytes:
        if self._persons.joined:
            self._lines = [self._renumbered(line) for line in self._lines]
        return "".join(self._lines).encode()

    def _renumbered(self, line: str) -> str:
        n, person, rest = line.split("\t", 2)
        return f"{n}\t{self._persons.last_number(int(person))}\t{rest}"

    @cached_property
    def consent_lines(self) -> bytes:
        return "".join(self._consent_lines).encode()

    def ready(self) -> Sheet:
        """Encode here and now instead of when the database waits for it."""
        assert self.lines is not None and self.consent_lines is not None  # noqa: S101, PT018
        return self

    def add_all(self, operations: Iterable[Operation]) -> Sheet:
        for operation in operations:
            self.add(operation)
        return self

    def add(self, operation: Operation) -> None:
        if (operation.op == "upsert") == self.of_audience:
            raise ValueError("A call with an audience adds and removes; one without it upserts.")
        n = len(self.indexes)
        self.indexes.append(operation.index)
        try:
            consents = [self._to_consent_line(n, k, given) for k, given in enumerate(operation.consents)]
            line = self._to_line(n, operation)
        except Refused as refused:
            self.refused.append(
                ItemOutcome(operation.index, "failed", refused.code, refused.detail, refused.pointer)
            )
            return
        self._lines.append(line)
        self._consent_lines.extend(consents)

    def _to_line(self, n: int, operation: Operation) -> str:
        op = OPS[operation.op]
        contact = operation.contact if op != "r" else None
        if contact is not None:
            operation = to_known_by_address(operation, contact)
        identity, external_id, email = to_identity(operation)
        at, clears, properties = NULL, "f", "{}"
        if operation.occurred_at is not None:
            at = self._to_moment(operation.occurred_at, "/occurred_at")
        if contact is not None:
            self.has_contacts = True
            external_id, email, clears = with_contact(operation, contact, external_id, email)
            if contact.properties:
                properties = to_properties(contact.properties, self._checks)
        person = self._persons.number(n, operation.kind, identity, external_id, email)
        if person != n:
            self.repeats = True
        kind = operation.kind
        self.kinds.add(kind)
        if email is not None:
            self.has_addresses = True
        return (
            f"{n}\t{person}\t{op}\t{KINDS[kind]}\t{identity if kind == 'id' else NULL}\t"
            f"{BYTES + identity if kind == 'email_sha256' else NULL}\t"
            f"{NULL if external_id is None else to_text(external_id)}\t{NULL if email is None else email}\t"
            f"{clears}\t{properties}\t{at}\n"
        )

    def _to_consent_line(self, n: int, position: int, given: ConsentGiven) -> str:
        pointer = f"/consents/{position}"
        if given.objective not in self._objectives:
            raise Refused(
                "unknown_objective",
                f"There is no objective “{given.objective[:60]}”.",
                f"{pointer}/objective",
            )
        if given.state not in ("granted", "denied"):
            raise Refused("invalid_consent", "A consent is granted or denied.", f"{pointer}/state")
        if given.method not in METHODS:
            raise Refused("invalid_consent", "The method is not known.", f"{pointer}/method")
        occurred_at = self._to_moment(given.occurred_at, f"{pointer}/occurred_at")
        evidence = to_evidence(given.evidence, f"{pointer}/evidence")
        return f"{n}\t{given.objective}\t{given.state}\t{occurred_at}\t{given.method}\t{evidence}\n"

    def _to_moment(self, moment: datetime, pointer: str) -> str:
        if moment > self._latest:
            raise Refused("timestamp_in_future", "The time is more than 5 minutes ahead.", pointer)
        return moment.astimezone(UTC).isoformat()
