"""A contact as Mail+'s clients send it, read into what the ingest takes. Without I/O."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from audiences.compat.mailplus.reading import TRUE, to_object, to_text
from audiences.compat.mailplus.vocabulary import EMAIL, PERMISSIONS, Vocabulary
from audiences.compat.values import to_value
from audiences.ingest import KEEP, Contact

PERMISSION_FIELDS = frozenset({"bit", "enabled"})


class BadProperty(ValueError):
    """A property is not known or its value cannot be read; the text names it."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """One contact of a call. `permissions`: {objective key: granted}."""

    external_id: str
    contact: Contact
    permissions: dict[str, bool] = field(default_factory=dict)


def to_wanted(external_id: str, given: Any, words: Vocabulary, purge: bool) -> Wanted:
    """`given` is the contact's `properties`. With `purge` those not named are cleared, but for the address and the
    permissions: neither is lost by not being mentioned. Raises BadProperty.
    """
    fields = to_fields(given)
    properties: dict[str, Any] = dict.fromkeys(words.properties) if purge else {}
    for name, value in fields.items():
        if name in (EMAIL, PERMISSIONS):
            continue
        found = words.property_of(name)
        if found is None:
            raise BadProperty(f"There is no property “{name[:60]}”.")
        properties[found.key] = to_value(found.type, value)
    contact = Contact(to_email(fields), external_id, properties)
    return Wanted(external_id, contact, to_permissions(fields.get(PERMISSIONS), words))


def to_fields(given: Any) -> dict[str, Any]:
    """By name, also from the entries that XML's maps are made of (`<entry><key/><value/></entry>`)."""
    if given is None:
        return {}
    fields = to_object(given, "properties")
    entries = fields.get("entry")
    if entries is None or len(fields) > 1:
        return fields
    pairs = entries if isinstance(entries, list) else [entries]
    if not all(isinstance(pair, dict) and isinstance(pair.get("key"), str) for pair in pairs):
        raise BadProperty("An entry of properties has a key and a value.")
    return {pair["key"]: pair.get("value") for pair in pairs}


def to_email(fields: dict[str, Any]) -> Any:
    """Absent keeps the stored address; null or empty clears it."""
    if EMAIL not in fields:
        return KEEP
    email = fields[EMAIL]
    if email is None or email == "":
        return None
    if not isinstance(email, str):
        raise BadProperty("email must be a text.")
    return email


def to_permissions(given: Any, words: Vocabulary) -> dict[str, bool]:
    """Of a bit given twice, refused counts."""
    if given is None:
        return {}
    if isinstance(given, dict) and given.keys() == {"permission"}:
        given = given["permission"] if isinstance(given["permission"], list) else [given["permission"]]
    if not isinstance(given, list):
        raise BadProperty("permissions must be a list of {bit, enabled}.")
    found: dict[str, bool] = {}
    for one in given:
        key, enabled = to_permission(one, words)
        found[key] = enabled and found.get(key, True)
    return found


def to_permission(one: Any, words: Vocabulary) -> tuple[str, bool]:
    if not isinstance(one, dict) or not one.keys() >= PERMISSION_FIELDS:
        raise BadProperty("A permission has a bit and whether it is enabled.")
    written = to_text(one["bit"]) or ""
    bit = int(written) if written.isascii() and written.isdigit() and len(written) <= 18 else -1
    if bit not in words.bits:
        raise BadProperty(f"There is no permission with the bit {written[:20] or '?'}.")
    return words.bits[bit], to_enabled(one["enabled"])


def to_enabled(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.strip().lower() in (*TRUE, "false", "0"):
        return value.strip().lower() in TRUE
    raise BadProperty("enabled must be true or false.")
