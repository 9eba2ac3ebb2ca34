"""From the body of a contact batch or import to operations. What is wrong with one item fails that item only."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
import orjson

from audiences.api.contact_values import to_operation, to_wire_pointer
from audiences.api.contact_wire import ContactItem
from audiences.contacts import to_pointer
from audiences.ingest import ItemOutcome, Operation
from audiences.ingest.refusals import Refused
from audiences.ingest.types import Op
from syncapp.api import bodies

NAMES_THE_PERSON = ("invalid_identifier", "contact_not_found", "ambiguous_identifier", "erased")


@dataclass(slots=True)
class Items:
    """Contacts as they came: each became an operation, or is in `failures`."""

    contacts: dict[int, ContactItem] = field(default_factory=dict)
    operations: dict[int, Operation] = field(default_factory=dict)
    failures: dict[int, ItemOutcome] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.operations) + len(self.failures)

    def fail(self, index: int, code: str, detail: str, pointer: str = "", holder: str | None = None) -> None:
        self.operations.pop(index, None)
        self.failures[index] = ItemOutcome(index, "failed", code, detail, pointer, holder=holder)

    def pointer_of(self, failed: ItemOutcome) -> str:
        """Within the item, by the names the caller used."""
        item = self.contacts.get(failed.index)
        pointer = to_pointer(failed)
        if item is None:
            return pointer
        if pointer == "" and failed.code in NAMES_THE_PERSON:
            return "/external_id" if isinstance(item.external_id, str) else "/email" if item.email else ""
        return to_wire_pointer(pointer, item)


def read(values: Iterable[tuple[int, Any]], op: Op = "upsert") -> Items:
    """`values`: (index, decoded JSON)."""
    items = Items()
    for index, value in values:
        try:
            item = to_item(value)
            items.contacts[index] = item
            items.operations[index] = to_operation(index, item, op)
        except Refused as refused:
            items.fail(index, refused.code, refused.detail, refused.pointer)
    return items


def to_item(value: Any) -> ContactItem:
    try:
        item = msgspec.convert(value, ContactItem)
        pointer = bodies.find_nul(value) if bodies.NUL_IN_JSON in orjson.dumps(value) else None
        if pointer is not None:
            raise Refused("invalid_contact", "The character U+0000 cannot be stored.", pointer)
        return item
    except msgspec.ValidationError as error:
        pointer, detail, code = bodies.explain(error)
        raise Refused(to_item_code(pointer, code), detail, pointer) from None


def to_item_code(pointer: str, code: str) -> str:
    """The contract's code for a place of the wrong shape."""
    if code == "unknown_field":
        return code
    if pointer.startswith("/external_id"):
        return "invalid_identifier"
    return "invalid_consent" if pointer.startswith("/consents") else "invalid_contact"


def has_consents(items: Sequence[Any] | Any) -> bool:
    """Of decoded JSON: whether any item says anything about consents, right or wrong."""
    return any(isinstance(item, dict) and "consents" in item for item in items)
