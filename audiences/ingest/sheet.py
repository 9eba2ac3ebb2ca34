"""Operations become lines of the staging tables: each item checked by itself; the database decides the rest."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any

import orjson

from audiences.addresses import InvalidAddress, normalise
from audiences.ingest.persons import Persons
from audiences.ingest.refusals import Refused
from audiences.ingest.types import KEEP, ConsentGiven, Contact, ItemOutcome, Operation
from audiences.ingest.values import Check, Misfit
from syncapp.database.copy import NULL, json_to_text, to_text

EXTERNAL_ID_CHARS = 255
CLOCK_SKEW = timedelta(minutes=5)
LARGEST_ID = 2**63 - 1
SOURCE_CHARS = 100

OPERATION_COLUMNS = (
    "n",
    "person",
    "op",
    "kind",
    "id",
    "external_id",
    "email",
    "clears_email",
    "properties",
    "at",
)
CONSENT_COLUMNS = ("n", "objective_key", "state", "occurred_at", "method", "evidence")
OPS = {"add": "a", "remove": "r", "upsert": "u"}
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
        identity, external_id, email = self._to_identity(operation)
        at, clears, properties = NULL, "f", "{}"
        if operation.occurred_at is not None:
            at = self._to_moment(operation.occurred_at, "/occurred_at")
        if contact is not None:
            external_id, email, clears = self._with_contact(operation, contact, external_id, email)
            if contact.properties:
                properties = self._to_properties(contact.properties)
        person = self._persons.number(n, operation.kind, identity, external_id, email)
        if person != n:
            self.repeats = True
        self.kinds.add(operation.kind)
        return (
            f"{n}\t{person}\t{op}\t{operation.kind[1]}\t{identity if operation.kind == 'id' else NULL}\t"
            f"{NULL if external_id is None else to_text(external_id)}\t{NULL if email is None else email}\t"
            f"{clears}\t{properties}\t{at}\n"
        )

    def _to_identity(self, operation: Operation) -> tuple[str, str | None, str | None]:
        """The checked value, and as external id or e-mail address where it is one."""
        value = operation.value
        if operation.kind == "external_id":
            _check_external_id(value, "invalid_identifier", "")
            return value, value, None
        if operation.kind == "email":
            try:
                email = normalise(value)
            except InvalidAddress as error:
                raise Refused("invalid_identifier", str(error)) from None
            return email, None, email
        if not (value.isascii() and value.isdigit() and 0 < int(value[:20]) <= LARGEST_ID):
            raise Refused("invalid_identifier", "An id is a positive whole number.")
        return str(int(value)), None, None

    def _with_contact(
        self, operation: Operation, contact: Contact, external_id: str | None, email: str | None
    ) -> tuple[str | None, str | None, str]:
        if contact.external_id is not KEEP and contact.external_id != external_id:
            if external_id is not None:
                raise Refused(
                    "external_id_mismatch", "The contact has another external id.", "/contact/external_id"
                )
            _check_external_id(contact.external_id, "invalid_contact", "/contact/external_id")
            external_id = contact.external_id
        if contact.email is KEEP:
            return external_id, email, "f"
        if contact.email is None:
            if email is not None:
                raise Refused(
                    "invalid_contact", "The address that names a person cannot be cleared.", "/contact/email"
                )
            return external_id, None, "t"
        if contact.email == operation.value and email is not None:
            return external_id, email, "f"
        try:
            given = normalise(contact.email)
        except InvalidAddress as error:
            raise Refused("invalid_contact", str(error), "/contact/email") from None
        if email is not None and given != email:
            raise Refused("invalid_contact", "The contact has another e-mail address.", "/contact/email")
        return external_id, given, "f"

    def _to_properties(self, given: Mapping[str, Any]) -> str:
        checks = self._checks
        fitted: dict[str, Any] | None = None
        for key, value in given.items():
            check = checks.get(key)
            if check is None:
                raise Refused("unknown_field", f"There is no property “{key[:60]}”.", _to_pointer(key))
            if value is None:
                continue
            try:
                fit = check(value)
            except Misfit as misfit:
                raise Refused("invalid_contact", f"“{key}” takes {misfit}.", _to_pointer(key)) from None
            if fit is not value:
                fitted = dict(given) if fitted is None else fitted
                fitted[key] = fit
        try:
            return json_to_text(orjson.dumps(given if fitted is None else fitted))
        except TypeError:
            raise Refused("invalid_contact", "A text is not valid Unicode.", "/contact/properties") from None

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
        evidence = _to_evidence(given.evidence, f"{pointer}/evidence")
        return f"{n}\t{given.objective}\t{given.state}\t{occurred_at}\t{given.method}\t{evidence}\n"

    def _to_moment(self, moment: datetime, pointer: str) -> str:
        if moment > self._latest:
            raise Refused("timestamp_in_future", "The time is more than 5 minutes ahead.", pointer)
        return moment.astimezone(UTC).isoformat()


def _check_external_id(value: str, code: str, pointer: str) -> None:
    if not 0 < len(value) <= EXTERNAL_ID_CHARS:
        raise Refused(code, f"An external id has 1 to {EXTERNAL_ID_CHARS} characters.", pointer)
    if not value.isprintable() and (
        "\x00" in value or any("\ud800" <= letter <= "\udfff" for letter in value)
    ):
        raise Refused(code, "An external id holds no NUL and is valid Unicode.", pointer)


def _to_evidence(evidence: Mapping[str, Any], pointer: str) -> str:
    try:
        encoded = orjson.dumps(dict(evidence))
    except TypeError:
        raise Refused("invalid_consent", "The evidence is not valid JSON.", pointer) from None
    if b"\\u0000" in encoded:
        raise Refused("invalid_consent", "The evidence holds a NUL character.", pointer)
    return json_to_text(encoded)


def _to_pointer(key: str) -> str:
    return "/contact/properties/" + key.replace("~", "~0").replace("/", "~1")
