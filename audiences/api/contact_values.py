"""From contacts as they are sent to what the ingest takes, and back to how they are shown."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from msgspec import UNSET

from audiences.api.contact_wire import SHORTHANDS, Consented, ContactFields, ContactItem, ContactOut
from audiences.api.moments import WORDS, is_storable
from audiences.api.operations import to_consent
from audiences.ingest import KEEP, Contact, Operation
from audiences.ingest.refusals import Refused
from audiences.ingest.types import Op
from audiences.models import Profile


def to_contact(given: ContactFields) -> Contact:
    """Raises Refused where a shorthand and its property are both given."""
    properties: dict[str, Any] = {} if given.properties is UNSET else dict(given.properties)
    for name in SHORTHANDS:
        value = getattr(given, name)
        if value is UNSET:
            continue
        if name in properties:
            raise Refused("conflicting_fields", f"“{name}” is given twice.", f"/{name}")
        properties[name] = value
    return Contact(email=KEEP if given.email is UNSET else given.email, properties=properties)


def to_operation(index: int, item: ContactItem, op: Op) -> Operation:
    """Raises Refused where the item names nobody, or cannot be stored."""
    contact = to_contact(item)
    consents = () if item.consents is UNSET else tuple(item.consents)
    for position, consent in enumerate(consents):
        if not is_storable(consent.occurred_at):
            raise Refused("invalid_consent", WORDS, f"/consents/{position}/occurred_at")
    given = tuple(to_consent(consent) for consent in consents)
    if item.external_id is not UNSET:
        return Operation(index, op, "external_id", item.external_id, contact, given)
    if isinstance(item.email, str):
        return Operation(index, op, "email", item.email, contact, given)
    raise Refused("invalid_identifier", "Name the person by external_id or by email.")


def to_wire_pointer(pointer: str, given: ContactFields) -> str:
    """A property that was sent as a shorthand is pointed to where it was sent."""
    name = pointer.removeprefix("/properties/")
    if name in SHORTHANDS and getattr(given, name) is not UNSET:
        return f"/{name}"
    return pointer


def to_out(profile: Profile) -> ContactOut:
    return ContactOut(
        external_id=profile.external_id,
        id=str(profile.pk),
        email=profile.email,
        properties=profile.properties,
        consents=to_consents(profile),
        created_at=profile.created_at,
        updated_at=profile.updated_at,
    )


def to_consents(profile: Profile) -> dict[str, Consented]:
    return {key: to_consented(held) for key, held in sorted(profile.consents.items())}


def to_consented(held: Mapping[str, Any]) -> Consented:
    return Consented(held["state"], datetime.fromisoformat(held["at"]))
