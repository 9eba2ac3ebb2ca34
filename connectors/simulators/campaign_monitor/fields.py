"""The endpoints of custom fields: their keys, their options, and what is refused."""

from __future__ import annotations

import re
from typing import Any

from .asking import Ask, Created
from .binding import FieldOptions, FieldSettings, bind
from .errors import Refused
from .state import DataType, Field, List

NAME_CHARS = 100
FIELDS_PER_LIST = 50
SELECTS = {DataType.SELECT_ONE, DataType.SELECT_MANY}
RESERVED = {"email", "emailaddress", "name", "fullname", "firstname", "lastname"}
# What the system offers by itself; the real lists are longer, and any text is accepted here.
SYSTEM_OPTIONS = {
    DataType.COUNTRY: ["Australia", "Belgium", "France", "Germany", "Netherlands", "United Kingdom"],
    DataType.US_STATE: ["Alabama", "Alaska", "California", "New York", "Texas", "Washington"],
}


def shown(field: Field) -> dict[str, Any]:
    return {
        "FieldName": field.name,
        "Key": field.key,
        "DataType": field.data_type.value,
        "FieldOptions": field.options,
        "VisibleInPreferenceCenter": field.visible,
    }


def key_of(name: str) -> str:
    """ "Date of birth" → "[Dateofbirth]": only ASCII letters, digits and underscores are kept."""
    return f"[{re.sub(r'[^A-Za-z0-9_]', '', name)}]"


def list_fields(ask: Ask) -> list[dict[str, Any]]:
    return [shown(field) for field in ask.list.fields]


def create_field(ask: Ask) -> Created:
    asked = bind(ask.body, FieldSettings, "customField")
    field = Field(
        key=key_of(asked.name or ""),
        name=checked_name(ask.list, asked.name),
        data_type=checked_type(asked.data_type),
        options=asked.options or [],
        visible=asked.visible is not False,
    )
    check_options(field)
    if len(ask.list.fields) >= FIELDS_PER_LIST:
        raise Refused(260)
    field.options = SYSTEM_OPTIONS.get(field.data_type, field.options)
    ask.list.fields.append(field)
    settle(ask)
    return Created(field.key)


def update_field(ask: Ask) -> str:
    """The key changes with the name; stored values follow."""
    field = find(ask.list, ask.params["key"])
    asked = bind(ask.body, FieldSettings, "customField")
    name = checked_name(ask.list, asked.name, but=field)
    old, field.name, field.key = field.key, name, key_of(name)
    if asked.visible is not None:
        field.visible = asked.visible
    for person in ask.list.subscribers.values():
        if old in person.fields:
            person.fields[field.key] = person.fields.pop(old)
    settle(ask)
    return field.key


def update_options(ask: Ask) -> None:
    field = find(ask.list, ask.params["key"])
    asked = bind(ask.body, FieldOptions, "customField")
    if field.data_type not in SELECTS:
        raise Refused(256)
    if not asked.options:
        raise Refused(257)
    kept = field.options if asked.keep else []
    field.options = list(dict.fromkeys([*kept, *asked.options]))
    settle(ask)


def delete_field(ask: Ask) -> None:
    field = find(ask.list, ask.params["key"])
    ask.list.fields.remove(field)
    for person in ask.list.subscribers.values():
        person.fields.pop(field.key, None)
    settle(ask)


def settle(ask: Ask) -> None:
    ask.core.forget_lookups()
    ask.core.changed(ask.list)


def find(lst: List, key: str) -> Field:
    for field in lst.fields:
        if field.key.lower() == key.lower():
            return field
    raise Refused(253)


def checked_name(lst: List, name: str | None, but: Field | None = None) -> str:
    name = (name or "").strip()
    if name == "" or len(name) > NAME_CHARS or name.replace(" ", "").lower() in RESERVED:
        raise Refused(254)
    key = key_of(name).lower()
    for other in lst.fields:
        if other is not but and (other.name.lower() == name.lower() or key == other.key.lower() != "[]"):
            raise Refused(255)
    return name


def checked_type(name: str | None) -> DataType:
    for data_type in DataType:
        if name is not None and name.lower() == data_type.lower():
            return data_type
    raise Refused(259)


def check_options(field: Field) -> None:
    if field.data_type in SELECTS and not field.options:
        raise Refused(257)
    if field.data_type not in SELECTS and field.options:
        raise Refused(256)
