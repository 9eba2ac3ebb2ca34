"""From the body of a batch to its envelope and items. What is wrong with one item fails that item only."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Generic, TypeVar

import msgspec
from django.utils import timezone
from msgspec import UNSET

from audiences.api.members_wire import ChangeIn, ChangesIn
from audiences.api.moments import WORDS, is_storable
from audiences.api.wire import BatchIn, OperationIn
from audiences.ingest import ItemOutcome
from syncapp.api import bodies, limits
from syncapp.api.problems import Problem, invalid

LISTS = ("operations", "remove", "add")  # the short form's removes are applied, and numbered, first
Envelope = BatchIn | ChangesIn
E = TypeVar("E", BatchIn, ChangesIn)
ITEMS: dict[type, type] = {BatchIn: OperationIn, ChangesIn: ChangeIn}


@dataclass(slots=True)
class Batch(Generic[E]):
    """A checked envelope with its items in the order of application; a failed item is None, and in `failures`.

    `removes` is the length of the short form's list of removes, None in the long form. `originals` are the failed
    items as they came.
    """

    envelope: E
    items: list[OperationIn | str | None] = field(default_factory=list)
    removes: int | None = None
    failures: dict[int, ItemOutcome] = field(default_factory=dict)
    originals: dict[int, Any] = field(default_factory=dict)
    named_by: dict[int, str] = field(default_factory=dict)  # the contact's field that names the person

    def pointer_to(self, index: int) -> str:
        if self.removes is None:
            return f"/operations/{index}"
        return f"/remove/{index}" if index < self.removes else f"/add/{index - self.removes}"

    def position_of(self, index: int) -> int:
        """Within the list the item was sent in."""
        return index if self.removes is None or index < self.removes else index - self.removes

    def op_of(self, index: int) -> str | None:
        if self.removes is not None:
            return "remove" if index < self.removes else "add"
        op = self.told(index, "op")
        return op if op in ("add", "remove") else None

    def told(self, index: int, name: str) -> Any:
        """What an item of the long form says in a field, also where it could not be read."""
        item = self.items[index]
        if isinstance(item, OperationIn):
            return getattr(item, name)
        original = self.originals.get(index)
        return original.get(name) if isinstance(original, dict) else getattr(original, name, None)

    def original_of(self, index: int) -> Any:
        """The item as it came."""
        return self.originals[index] if index in self.originals else self.items[index]

    def fail(self, index: int, code: str, detail: str, pointer: str = "") -> None:
        self.originals.setdefault(index, self.items[index])
        self.items[index] = None
        self.failures[index] = ItemOutcome(index, "failed", code, detail, pointer)


def decode(body: bytes, kind: type[E]) -> Batch[E]:
    """Raises Problem where the envelope is wrong; nothing of it is applied then."""
    batch = decode_at_once(body, kind)
    if batch is None:
        value = bodies.check_json(body)
        refuse_too_many(value)
        batch = decode_one_by_one(value, kind)
    check_envelope(batch)
    return batch


def decode_at_once(body: bytes, kind: type[E]) -> Batch[E] | None:
    """The usual way, straight from the text to types; None where anything does not fit or needs a closer look."""
    try:
        envelope = msgspec.json.decode(body, type=kind)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return None
    if bodies.NUL_IN_JSON in body or not bodies.has_as_many_keys(body, msgspec.json.encode(envelope)):
        return None
    if number_of_items(envelope) > limits.OPERATIONS_PER_REQUEST:
        return None
    return to_batch(envelope)


def number_of_items(envelope: Envelope) -> int:
    return sum(len(items) for name in LISTS if (items := getattr(envelope, name, None)))


def refuse_too_many(value: Any) -> None:
    """Before one item is looked at."""
    if not isinstance(value, dict):
        raise invalid("", "The body must be an object.")
    received = sum(len(value[name]) for name in LISTS if isinstance(value.get(name), list))
    if received > limits.OPERATIONS_PER_REQUEST:
        raise Problem(
            "too_many_items",
            f"A call may have {limits.OPERATIONS_PER_REQUEST} operations at most; {received} came.",
            limit=limits.OPERATIONS_PER_REQUEST,
            received=received,
        )


def decode_one_by_one(value: dict[str, Any], kind: type[E]) -> Batch[E]:
    """The envelope must be right as a whole; each item is right or fails by itself."""
    lists = {name: value[name] for name in LISTS if isinstance(value.get(name), list)}
    bare = {name: [] if name in lists else part for name, part in value.items()}
    bodies.refuse_nul(bare)
    batch = to_batch(bodies.convert(bare, kind))
    if batch.removes is not None:
        batch.removes = len(lists.get("remove", []))
    for name, items in lists.items():
        for item in items:
            decode_item(batch, name, item)
    return batch


def to_batch(envelope: E) -> Batch[E]:
    if isinstance(envelope, ChangesIn):
        return Batch(envelope, list(envelope.operations))
    if envelope.operations is not UNSET:
        if envelope.add is not UNSET or envelope.remove is not UNSET:
            raise invalid("/operations", "Send either operations, or add and remove.", "conflicting_fields")
        return Batch(envelope, list(envelope.operations))
    removes: list[str] = envelope.remove or []
    adds: list[str] = envelope.add or []
    return Batch(envelope, [*removes, *adds], removes=len(removes))


def decode_item(batch: Batch[E], name: str, item: Any) -> None:
    index = len(batch.items)
    pointer = bodies.find_nul(item)
    if pointer is not None:
        fail_item(batch, index, name, item, (pointer, "The character U+0000 cannot be stored.", "nul"))
        return
    kind: Any = ITEMS[type(batch.envelope)] if name == "operations" else str
    try:
        batch.items.append(msgspec.convert(item, kind))
    except msgspec.ValidationError as error:
        fail_item(batch, index, name, item, bodies.explain(error))


def fail_item(batch: Batch[E], index: int, name: str, item: Any, why: tuple[str, str, str]) -> None:
    pointer, detail, code = why
    batch.items.append(None)
    batch.originals[index] = item
    batch.fail(index, to_item_code(name, pointer, code), detail, pointer)


def to_item_code(name: str, pointer: str, code: str) -> str:
    """The contract's code for a place of the wrong shape."""
    if code == "unknown_field":
        return code
    if name != "operations" or pointer.startswith("/id"):
        return "invalid_identifier"
    if pointer.startswith("/contact"):
        return "invalid_contact"
    return "invalid_consent" if pointer.startswith("/consents") else "invalid_operation"


def check_envelope(batch: Batch[E]) -> None:
    if not batch.items:
        raise Problem("empty_request", "There are no operations. To empty an audience is another call.")
    emitted_at = batch.envelope.emitted_at
    if not is_storable(emitted_at):
        raise invalid("/emitted_at", WORDS)
    if emitted_at and emitted_at > timezone.now() + timedelta(seconds=limits.FUTURE_S):
        raise Problem(
            "timestamp_in_future",
            f"emitted_at is more than {limits.FUTURE_S} s ahead of our clock.",
            errors=[
                {"pointer": "/emitted_at", "code": "timestamp_in_future", "detail": "Not later than now."}
            ],
        )
