"""Whether the parts of one item can be taken, and the form they are staged in. Raises Refused."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any

import orjson
from msgspec import structs

from audiences.addresses import InvalidAddress, normalise
from audiences.ingest.refusals import Refused
from audiences.ingest.types import KEEP, Contact, Operation
from audiences.ingest.values import Check, Misfit
from syncapp.database.copy import json_to_text

EXTERNAL_ID_CHARS = 255
LARGEST_ID = 2**63 - 1
SHA256 = re.compile("[0-9a-f]{64}").fullmatch


def to_identity(operation: Operation) -> tuple[str, str | None, str | None]:
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
    if operation.kind == "email_sha256":
        return _to_sha256(value), None, None
    if not (value.isascii() and value.isdigit() and 0 < int(value[:20]) <= LARGEST_ID):
        raise Refused("invalid_identifier", "An id is a positive whole number.")
    return str(int(value)), None, None


def _to_sha256(value: str) -> str:
    found = value.lower()
    if not SHA256(found):
        raise Refused("invalid_identifier", "A SHA-256 of an address has 64 hexadecimal digits (0-9, a-f).")
    return found


def to_known_by_address(operation: Operation, contact: Contact) -> Operation:
    """Who tells an address beside its hash names the person by the address."""
    if operation.kind != "email_sha256" or contact.email is KEEP:
        return operation
    if contact.email is None:
        raise Refused(
            "invalid_contact", "The address that names a person cannot be cleared.", "/contact/email"
        )
    try:
        email = normalise(contact.email)
    except InvalidAddress as error:
        raise Refused("invalid_contact", str(error), "/contact/email") from None
    if hashlib.sha256(email.encode()).hexdigest() != _to_sha256(operation.value):
        raise Refused("invalid_contact", "The address has another SHA-256.", "/contact/email")
    return structs.replace(operation, kind="email", value=email)


def with_contact(
    operation: Operation, contact: Contact, external_id: str | None, email: str | None
) -> tuple[str | None, str | None, str]:
    """External id and address, now with those of the contact; "t" where the stored address is to be cleared."""
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


def to_properties(given: Mapping[str, Any], checks: Mapping[str, Check]) -> str:
    """Properties as COPY reads them; None stays, as null."""
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


def _check_external_id(value: str, code: str, pointer: str) -> None:
    if not 0 < len(value) <= EXTERNAL_ID_CHARS:
        raise Refused(code, f"An external id has 1 to {EXTERNAL_ID_CHARS} characters.", pointer)
    if value in (".", ".."):  # no address leads to them: clients and proxies take such a segment for a folder
        raise Refused(code, "An external id is not “.” or “..”.", pointer)
    if not value.isprintable() and (
        "\x00" in value or any("\ud800" <= letter <= "\udfff" for letter in value)
    ):
        raise Refused(code, "An external id holds no NUL and is valid Unicode.", pointer)


def to_evidence(evidence: Mapping[str, Any], pointer: str) -> str:
    try:
        encoded = orjson.dumps(dict(evidence))
    except TypeError:
        raise Refused("invalid_consent", "The evidence is not valid JSON.", pointer) from None
    if b"\\u0000" in encoded:
        raise Refused("invalid_consent", "The evidence holds a NUL character.", pointer)
    return json_to_text(encoded)


def _to_pointer(key: str) -> str:
    return "/contact/properties/" + key.replace("~", "~0").replace("/", "~1")
