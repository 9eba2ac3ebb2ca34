"""Contacts into the rows of an import. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from connectors.esp.campaign_monitor.keys import EMPTY_KEY, normal_address, normal_key, plain_key
from connectors.esp.campaign_monitor.spec import SPEC
from connectors.esp.campaign_monitor.values import (
    NOT_TEXT,
    TOO_LONG,
    UNKNOWN_FIELD,
    UNWRITABLE_FIELD,
    Convert,
    Reason,
    by_python_type,
    converter,
    is_blank,
    is_sendable,
)
from connectors.esp.contract import Contact, LeftOut, RemoteField, Value


class Pair(msgspec.Struct, omit_defaults=True, gc=False):
    """One value of a custom field. Not a dict: a batch makes thousands, and the collector skips these."""

    Key: str
    Value: str
    Clear: bool = False


class Row(msgspec.Struct, omit_defaults=True, gc=False):
    EmailAddress: str
    ConsentToTrack: str
    CustomFields: list[Pair] = []
    Name: str = ""


_CONSENT = {True: "Yes", False: "No", None: "Unchanged"}


class FieldWriter:
    """Contact.values → CustomFields, for one batch. ``fields`` None: nothing is known of the list."""

    def __init__(
        self, fields: Sequence[RemoteField] | None, *, bracketed: bool = False, cut_long_text: bool = False
    ) -> None:
        self._bracketed = bracketed
        self._targets: dict[str, tuple[str, Convert] | Reason] = {}
        self._is_open = fields is None
        for known in fields or ():
            convert = converter(known, cut_long_text=cut_long_text)
            self._targets[normal_key(known.key)] = (
                (self._write_key(known.key), convert) if known.writable else UNWRITABLE_FIELD
            )

    def pairs(self, values: Mapping[str, Value]) -> tuple[list[Pair], tuple[LeftOut, ...]]:
        pairs: list[Pair] = []
        left_out: list[LeftOut] = []
        for key, value in values.items():
            target = self._targets.get(key) or self._find(key)
            if isinstance(target, Reason):
                left_out.append(target.of(key))
                continue
            write_key, convert = target
            if is_blank(value):  # an empty Value alone would leave the old one
                pairs.append(Pair(write_key, "", True))
                continue
            fitted = convert(value)
            if isinstance(fitted, str):
                pairs.append(Pair(write_key, fitted))
            elif isinstance(fitted, Reason):
                left_out.append(fitted.of(key))
            else:
                pairs += [Pair(write_key, text) for text in fitted.texts]
                left_out += [] if fitted.reason is None else [fitted.reason.of(key)]
        return pairs, tuple(left_out)

    def _find(self, key: str) -> tuple[str, Convert] | Reason:
        """The target of a key in any form; found once per form."""
        name = normal_key(key)
        target = self._targets.get(name)
        if target is None and not self._is_open:
            target = UNKNOWN_FIELD
        elif target is None:
            target = UNWRITABLE_FIELD if name == EMPTY_KEY else (self._write_key(key), by_python_type)
        self._targets[key] = target
        return target

    def _write_key(self, key: str) -> str:
        return f"[{plain_key(key)}]" if self._bracketed else plain_key(key)


@dataclass(slots=True)
class Batch:
    """``rows`` to send; by normal address, why a contact is not sent and which of its values are not."""

    rows: list[Row] = field(default_factory=list)
    refused: dict[str, Reason] = field(default_factory=dict)
    left_out: dict[str, tuple[LeftOut, ...]] = field(default_factory=dict)


def to_batch(contacts: Iterable[Contact], writer: FieldWriter, *, cut_long_text: bool = False) -> Batch:
    batch = Batch()
    for address, contact in fold(contacts).items():
        if not is_sendable(contact.address):
            batch.refused[address] = NOT_TEXT
            continue
        row = Row(contact.address.strip(), _CONSENT[contact.consent_to_track])
        left_out: tuple[LeftOut, ...] = ()
        if contact.values:
            row.CustomFields, left_out = writer.pairs(contact.values)
        if contact.name:
            name, reason = to_name(contact.name, cut=cut_long_text)
            if reason is None:
                row.Name = name
            else:
                left_out = (*left_out, reason.of("name"))
        if left_out:
            batch.left_out[address] = left_out
        batch.rows.append(row)
    return batch


def to_name(name: str, *, cut: bool) -> tuple[str, Reason | None]:
    limit = SPEC.limits.name_chars or len(name)
    if len(name) > limit and not cut:
        return "", TOO_LONG
    return (name[:limit], None) if is_sendable(name) else ("", NOT_TEXT)


def fold(contacts: Iterable[Contact]) -> dict[str, Contact]:
    """One contact per address, as if sent one after the other: what the ESP makes of doubles is not known."""
    folded: dict[str, Contact] = {}
    for contact in contacts:
        address = normal_address(contact.address)
        earlier = folded.get(address)
        folded[address] = contact if earlier is None else _after(earlier, contact)
    return folded


def _after(earlier: Contact, later: Contact) -> Contact:
    consent = earlier.consent_to_track if later.consent_to_track is None else later.consent_to_track
    values = {normal_key(key): (key, value) for key, value in earlier.values.items()}
    values |= {normal_key(key): (key, value) for key, value in later.values.items()}
    return msgspec.structs.replace(
        later,
        name=later.name or earlier.name,
        values=dict(values.values()),
        consent_to_track=consent,
    )
