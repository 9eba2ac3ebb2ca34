"""From the items of a batch to the operations of an ingest call."""

from __future__ import annotations

from typing import Any

from msgspec import UNSET

from audiences.addresses import InvalidAddress, normalise
from audiences.api.decoding import Batch
from audiences.api.moments import WORDS, is_storable
from audiences.api.wire import ConsentIn, ContactIn, OperationIn
from audiences.ingest import KEEP, ConsentGiven, Contact, Operation
from audiences.ingest.types import Kind

STRONGEST_FIRST: tuple[Kind, ...] = ("id", "external_id", "email", "email_sha256")
NOT_STORED = "An email_sha256 names a person; beside another name it says nothing that could be stored."


def to_operations(batch: Batch[Any], kind: Kind) -> list[Operation]:
    """Operations of the items that have not failed; items that name nobody fail here."""
    if batch.removes is None:
        return [
            found
            for index, item in enumerate(batch.items)
            if (found := to_operation(batch, index, item, kind))
        ]
    return to_short_operations(batch, kind)


def to_short_operations(batch: Batch[Any], kind: Kind) -> list[Operation]:
    fail_conflicts(batch, kind)
    removes, at = batch.removes or 0, batch.envelope.emitted_at or None
    return [
        Operation(index, "remove" if index < removes else "add", kind, item, occurred_at=at)
        for index, item in enumerate(batch.items)
        if isinstance(item, str)
    ]


def fail_conflicts(batch: Batch[Any], kind: Kind) -> None:
    """The short form has no order: an id to be added and removed fails on both sides."""
    removes = batch.removes or 0
    names = [to_name(item, kind) if isinstance(item, str) else None for item in batch.items]
    both = set(names[:removes]) & set(names[removes:]) - {None}
    for index, name in enumerate(names):
        if name in both:
            batch.fail(index, "conflicting_operations", "This id is to be added and removed in one call.")


def to_name(value: str, kind: Kind) -> str:
    """What two spellings of one person have in common."""
    if kind == "email_sha256":
        return value.lower()
    if kind != "email":
        return value
    try:
        return normalise(value)
    except InvalidAddress:
        return value


def to_operation(batch: Batch[Any], index: int, item: Any, kind: Kind) -> Operation | None:
    if not isinstance(item, OperationIn):
        return None
    contact = item.contact
    if (unstorable := find_unstorable(item)) is not None:
        batch.fail(index, "invalid_operation", WORDS, unstorable)
        return None
    if item.id is not UNSET:
        value = item.id
        if contact is not UNSET and contact.id is not UNSET:
            batch.fail(
                index, "invalid_contact", "Name the person by id or by contact.id, not both.", "/contact/id"
            )
            return None
    elif contact is UNSET:
        batch.fail(index, "invalid_identifier", "Name the person by id or by contact.")
        return None
    else:
        named = name_of(contact, kind)
        if named is None:
            batch.fail(index, "invalid_identifier", "The contact has no identifier.", "/contact")
            return None
        kind, value = named
        batch.named_by[index] = kind
    if (
        contact is not UNSET
        and contact.email_sha256 is not UNSET
        and batch.named_by.get(index) != "email_sha256"
    ):
        batch.fail(index, "invalid_contact", NOT_STORED, "/contact/email_sha256")
        return None
    return Operation(
        index,
        item.op,
        kind,
        value,
        None if contact is UNSET else to_contact(contact),
        () if item.consents is UNSET else tuple(map(to_consent, item.consents)),
        item.occurred_at or batch.envelope.emitted_at or None,
    )


def find_unstorable(item: OperationIn) -> str | None:
    """Where an item names a moment that cannot be stored."""
    if not is_storable(item.occurred_at):
        return "/occurred_at"
    for position, consent in enumerate(item.consents or ()):
        if not is_storable(consent.occurred_at):
            return f"/consents/{position}/occurred_at"
    return None


def name_of(contact: ContactIn, kind: Kind) -> tuple[Kind, str] | None:
    """(kind, value): the audience's own kind where given, else the strongest there is."""
    given: dict[Kind, Any] = {
        "id": contact.id,
        "external_id": contact.external_id,
        "email": contact.email,
        "email_sha256": contact.email_sha256,
    }
    order: tuple[Kind, ...] = (kind, *STRONGEST_FIRST)
    return next(((each, given[each]) for each in order if isinstance(given[each], str)), None)


def to_contact(contact: ContactIn) -> Contact:
    return Contact(
        email=KEEP if contact.email is UNSET else contact.email,
        external_id=KEEP if contact.external_id is UNSET else contact.external_id,
        properties={} if contact.properties is UNSET else contact.properties,
    )


def to_consent(consent: ConsentIn) -> ConsentGiven:
    evidence = dict(consent.proof or {})
    if consent.source:
        evidence.setdefault("source", consent.source)
    return ConsentGiven(
        consent.objective, consent.state, consent.occurred_at, consent.method or "api", evidence
    )
