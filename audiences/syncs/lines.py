"""The items of one chunk as lines to be copied: each checked by itself, and marked where it cannot be taken."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
import orjson
from msgspec import UNSET, Struct

from audiences.api.moments import WORDS, is_storable
from audiences.api.operations import name_of, to_contact
from audiences.api.wire import ContactIn, ExternalId, Time
from audiences.ingest import Operation
from audiences.ingest.checks import (
    EXTERNAL_ID_CHARS,
    to_identity,
    to_known_by_address,
    to_properties,
    with_contact,
)
from audiences.ingest.refusals import Refused
from audiences.ingest.sheet import CLOCK_SKEW
from audiences.ingest.types import Kind
from audiences.ingest.values import Check
from syncapp.api import bodies
from syncapp.database.copy import NULL, json_to_text, to_text

COLUMNS = (
    "position", "op", "kind", "value", "occurred_at", "contact", "code", "detail", "pointer", "original",
)  # fmt: skip
ORIGINAL_CHARS = 20_000
DETAIL_CHARS, POINTER_CHARS = 300, 300
NAMING = ("external_id", "email", "email_sha256", "id")


class SyncOperation(Struct, forbid_unknown_fields=True):
    """One change of a delta session. The person is named by `id` or by the contact's own identifier."""

    op: str
    id: ExternalId | msgspec.UnsetType = UNSET
    contact: ContactIn | msgspec.UnsetType = UNSET
    occurred_at: Time | msgspec.UnsetType | None = UNSET


class Lines:
    """What COPY gets; `failed` items are lines, too, with a code.

    `kind`: what bare ids are. `pointer`: where item n is in its chunk, like "/members" or "/lines".
    """

    def __init__(
        self,
        *,
        kind: Kind,
        is_delta: bool,
        checks: Mapping[str, Check],
        now: datetime,
        pointer: str,
        first: int = 0,
    ) -> None:
        self._kind = kind
        self._is_delta = is_delta
        self._checks = checks
        self._latest = now + CLOCK_SKEW
        self._pointer = pointer
        self._first = first
        self._lines: list[str] = []
        self.failed = 0
        self.has_data = False

    @property
    def items(self) -> int:
        return len(self._lines)

    def encode(self) -> bytes:
        return "".join(self._lines).encode()

    def add_ids(self, ids: Sequence[str]) -> None:
        """Bare ids, most of the millions: checked and written together where nothing is unusual."""
        usual = self._kind == "external_id" and not self._is_delta
        if usual and ids and min(map(len, ids)) > 0 and max(map(len, ids)) <= EXTERNAL_ID_CHARS:
            together = "".join(ids)
            if together.isprintable() and "\\" not in together:
                rest = rf"{NULL}	{NULL}				{NULL}"
                start = self.items
                self._lines += [
                    f"{n}\tadd\texternal_id\t{value}\t{rest}\n" for n, value in enumerate(ids, start)
                ]
                return
        for value in ids:
            self.add(value)

    def add(self, item: Any, line: int | None = None) -> None:
        """A text, a contact object, or in a delta an operation. `line`: where it is in a file, from 1."""
        try:
            if self._is_delta:
                self._add_operation(item)
            else:
                self._add_member(item)
        except Refused as refused:
            self.refuse(item, refused, line)

    def refuse(self, item: Any, refused: Refused, line: int | None = None) -> None:
        """Keep it as failed, with what was sent and, where it can be told, whom it names."""
        self.failed += 1
        place = f"/lines/{line}" if line is not None else f"{self._pointer}/{self._first + self.items}"
        kind, value = self._named_by(item)
        original = item if isinstance(item, bytes) else orjson_or_nothing(item)
        self._append(
            op="remove" if isinstance(item, dict) and item.get("op") == "remove" else "add",
            kind=kind,
            value=value,
            code=refused.code,
            detail=refused.detail,
            pointer=place + to_pointer(refused.pointer, self._is_delta),
            original=original,
        )

    def _add_member(self, item: Any) -> None:
        if isinstance(item, str):
            self._add_person("add", self._kind, item, None, None, None)
            return
        if not isinstance(item, dict):
            raise Refused("invalid_identifier", "A member is an id as text, or a contact object.", "")
        contact = convert(item, ContactIn)
        kind, value = self._name_of(contact, "")
        self._add_person("add", kind, value, contact, item, None)

    def _add_operation(self, item: Any) -> None:
        operation = convert(item, SyncOperation)
        if operation.op not in ("add", "remove"):
            raise Refused("invalid_operation", "An operation is add or remove.", "/op")
        contact = None if isinstance(operation.contact, msgspec.UnsetType) else operation.contact
        at = operation.occurred_at if isinstance(operation.occurred_at, datetime) else None
        if not isinstance(operation.id, msgspec.UnsetType):
            kind, value = self._kind, operation.id
            if contact is not None and contact.id is not UNSET:
                raise Refused(
                    "invalid_contact", "Name the person by id or by contact.id, not both.", "/contact/id"
                )
        elif contact is None:
            raise Refused("invalid_identifier", "Name the person by id or by contact.", "")
        else:
            kind, value = self._name_of(contact, "/contact")
        sent = item.get("contact") if operation.op == "add" else None
        self._add_person(operation.op, kind, value, contact, sent, at)

    def _name_of(self, contact: ContactIn, pointer: str) -> tuple[Kind, str]:
        named = name_of(contact, self._kind)
        if named is None:
            raise Refused("invalid_identifier", "The contact has no identifier.", pointer)
        return named

    def _add_person(
        self,
        op: str,
        kind: Kind,
        value: str,
        contact: ContactIn | None,
        sent: dict[str, Any] | None,
        at: datetime | None,
    ) -> None:
        operation = Operation(0, op, kind, value, None if contact is None else to_contact(contact))  # type: ignore[arg-type]
        if operation.contact is not None:
            operation = to_known_by_address(operation, operation.contact)
        identity, external_id, email = to_identity(operation)
        if operation.contact is not None and op == "add":
            with_contact(operation, operation.contact, external_id, email)
            to_properties(operation.contact.properties, self._checks)
        if at is not None and (not is_storable(at) or at > self._latest):
            late = is_storable(at)
            words = "The time is more than 5 minutes ahead." if late else WORDS
            raise Refused("timestamp_in_future" if late else "invalid_operation", words, "/occurred_at")
        data = sent if sent is not None and says_more(sent) else None
        self.has_data = self.has_data or data is not None
        same = identity == value and (sent is None or data is not None)
        self._append(
            op=op,
            kind=operation.kind,
            value=identity,
            at=at,
            contact=data,
            original=None if same else orjson_or_nothing(to_original(op, value, sent, at, self._is_delta)),
        )

    def _named_by(self, item: Any) -> tuple[str, str]:
        """Kind and value of a refused item; "" where it cannot be told."""
        if isinstance(item, str):
            given: dict[str, Any] = {self._kind: item}
        elif isinstance(item, dict):
            contact = item.get("contact") if self._is_delta else item
            given = dict(contact) if isinstance(contact, dict) else {}
            if self._is_delta and "id" in item:
                given = {self._kind: item["id"]}
        else:
            given = {}
        for kind in (self._kind, *NAMING):
            value = given.get(kind)
            if isinstance(value, str):
                try:
                    return kind, to_identity(Operation(0, "add", kind, value))[0]  # type: ignore[arg-type]
                except Refused:
                    continue
        return self._kind, ""

    def _append(
        self,
        *,
        op: str,
        kind: str,
        value: str,
        at: datetime | None = None,
        contact: dict[str, Any] | None = None,
        code: str = "",
        detail: str = "",
        pointer: str = "",
        original: bytes | None = None,
    ) -> None:
        moment = NULL if at is None else at.astimezone(UTC).isoformat()
        data = NULL if contact is None else json_to_text(orjson.dumps(contact))
        was = NULL if original is None else to_text(cut(original))
        reason = f"{code}\t{to_text(storable(detail)[:DETAIL_CHARS])}\t{to_text(storable(pointer)[:POINTER_CHARS])}"
        self._lines.append(
            f"{self.items}\t{op}\t{kind}\t{to_text(value)}\t{moment}\t{data}\t{reason}\t{was}\n"
        )


def convert(item: Any, kind: type[Any]) -> Any:
    """The item as a wire type. Raises Refused with the place in it."""
    pointer = bodies.find_nul(item)
    if pointer is not None:
        raise Refused("invalid_contact", "The character U+0000 cannot be stored.", pointer)
    try:
        return msgspec.convert(item, kind)
    except msgspec.ValidationError as error:
        pointer, detail, code = bodies.explain(error)
        if code != "unknown_field":
            code = "invalid_identifier" if pointer in ("", "/id") else "invalid_contact"
        raise Refused(code, detail, pointer) from None


def to_pointer(pointer: str, is_delta: bool) -> str:
    """Within the item: a member is its contact."""
    return pointer if is_delta else pointer.removeprefix("/contact")


def says_more(contact: dict[str, Any]) -> bool:
    """Whether it says more than who it is."""
    return len(contact) > 1 or "properties" in contact


def to_original(op: str, value: str, sent: dict[str, Any] | None, at: datetime | None, is_delta: bool) -> Any:
    if not is_delta:
        return value if sent is None else sent
    person = {"id": value} if sent is None else {"contact": sent}
    return {"op": op, **person, **({} if at is None else {"occurred_at": at})}


def orjson_or_nothing(item: Any) -> bytes | None:
    """What was sent, as JSON; None for what holds broken Unicode."""
    try:
        return orjson.dumps(item)
    except TypeError:
        return None


def cut(original: bytes) -> str:
    return storable(original.decode(errors="replace"))[:ORIGINAL_CHARS]


def storable(text: str) -> str:
    """What the database takes; JSON's own escape of NUL stays, it is not one."""
    return text.replace("\x00", "�").encode(errors="replace").decode()
