"""Request bodies to typed structs. Property names bind in any case, unknown ones are dropped,
wrong types refuse the whole request with code 400."""

from __future__ import annotations

from functools import cache
from typing import Any, TypeVar

import msgspec
import orjson

from .errors import unreadable


class Value(
    msgspec.Struct,
    forbid_unknown_fields=True,
    gc=False,
    rename={"key": "Key", "value": "Value", "clear": "Clear"},
):
    """One custom-field value; a number binds as its text, an array or an object does not bind."""

    key: str | None = None
    value: str | int | float | None = None
    clear: bool | None = None


PERSON = {
    "email": "EmailAddress",
    "name": "Name",
    "mobile": "MobileNumber",
    "values": "CustomFields",
    "tracking": "ConsentToTrack",
    "sms": "ConsentToSendSms",
}


class Person(msgspec.Struct, forbid_unknown_fields=True, rename=PERSON):
    """One item of an import. None: the property was not sent."""

    email: str | None = None
    name: str | None = None
    mobile: str | None = None
    values: list[Value] | None = None
    tracking: str | None = None
    sms: str | None = None


OPTIONS = {
    "resubscribe": "Resubscribe",
    "restart": "RestartSubscriptionBasedAutoresponders",
    "queue": "QueueSubscriptionBasedAutoResponders",
}


class Single(Person, forbid_unknown_fields=True, rename=PERSON | OPTIONS):
    """The body of an add and of an update."""

    resubscribe: bool | None = None
    restart: bool | None = None


class Batch(msgspec.Struct, forbid_unknown_fields=True, rename={"people": "Subscribers"} | OPTIONS):
    """The body of an import."""

    people: list[Person] | None = None
    resubscribe: bool | None = None
    restart: bool | None = None
    queue: bool | None = None


class Address(msgspec.Struct, forbid_unknown_fields=True, rename={"email": "EmailAddress"}):
    email: str | None = None


class Addresses(msgspec.Struct, forbid_unknown_fields=True, rename={"emails": "EmailAddresses"}):
    emails: list[str] | None = None


class ListSettings(
    msgspec.Struct,
    forbid_unknown_fields=True,
    rename={
        "title": "Title",
        "unsubscribe_page": "UnsubscribePage",
        "unsubscribe_setting": "UnsubscribeSetting",
        "confirmed_opt_in": "ConfirmedOptIn",
        "success_page": "ConfirmationSuccessPage",
        "add_unsubscribes": "AddUnsubscribesToSuppList",
        "scrub_active": "ScrubActiveWithSuppList",
    },
):
    title: str | None = None
    unsubscribe_page: str | None = None
    unsubscribe_setting: str | None = None
    confirmed_opt_in: bool | None = None
    success_page: str | None = None
    add_unsubscribes: bool | None = None
    scrub_active: bool | None = None


class FieldSettings(
    msgspec.Struct,
    forbid_unknown_fields=True,
    rename={
        "name": "FieldName",
        "data_type": "DataType",
        "options": "Options",
        "visible": "VisibleInPreferenceCenter",
    },
):
    name: str | None = None
    data_type: str | None = None
    options: list[str] | None = None
    visible: bool | None = None


class FieldOptions(
    msgspec.Struct, forbid_unknown_fields=True, rename={"options": "Options", "keep": "KeepExistingOptions"}
):
    options: list[str] | None = None
    keep: bool | None = None


class HookSettings(
    msgspec.Struct,
    forbid_unknown_fields=True,
    rename={"events": "Events", "url": "Url", "payload_format": "PayloadFormat"},
):
    events: list[str] | None = None
    url: str | None = None
    payload_format: str | None = None


NESTED: dict[str, type[msgspec.Struct]] = {"Subscribers": Person, "CustomFields": Value}
Model = TypeVar("Model", bound=msgspec.Struct)


def bind(body: bytes, model: type[Model], name: str) -> Model:
    """The body as `model`; `name` is how Campaign Monitor calls it in its error."""
    try:
        bound: Model = decoder(model).decode(body)
        return bound
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass  # perhaps only other casing, or properties we do not know
    try:
        return msgspec.convert(canonical(orjson.loads(body), model), model)
    except (orjson.JSONDecodeError, msgspec.ValidationError, RecursionError):
        raise unreadable(name) from None


@cache
def decoder(model: type[msgspec.Struct]) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(model)


@cache
def names_of(model: type[msgspec.Struct]) -> dict[str, str]:
    return {field.encode_name.lower(): field.encode_name for field in msgspec.structs.fields(model)}


def canonical(value: Any, model: type[msgspec.Struct]) -> Any:
    """The same object with the property names of `model` and nothing else."""
    if not isinstance(value, dict):
        return value
    names = names_of(model)
    known = {names[name.lower()]: item for name, item in value.items() if name.lower() in names}
    return {name: canonical_items(item, NESTED.get(name)) for name, item in known.items()}


def canonical_items(value: Any, model: type[msgspec.Struct] | None) -> Any:
    if model is None or not isinstance(value, list):
        return value
    return [canonical(item, model) for item in value]
