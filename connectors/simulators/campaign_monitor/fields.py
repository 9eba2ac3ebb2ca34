"""Custom fields: their keys, their options, and how a written value becomes a stored one."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from functools import lru_cache
from typing import Any

from .asking import Ask, Created
from .binding import FieldOptions, FieldSettings, Value, bind
from .core import Knobs
from .errors import Refused
from .state import DataType, Field, List

NAME_CHARS = 100
TEXT_CHARS = 250
FIELDS_PER_LIST = 50
TEXT, SELECT_MANY = DataType.TEXT, DataType.SELECT_MANY  # an enum's members are slow to look up
SELECTS = {DataType.SELECT_ONE, SELECT_MANY}
RESERVED = {"email", "emailaddress", "name", "fullname", "firstname", "lastname"}
FIRST_DATE, LAST_DATE = date(1900, 1, 1), date(2076, 6, 6)
NUMBER = re.compile(r"[+-]?\d+([.,]\d+)?")
DATE = re.compile(r"(\d{4})[-/](\d{1,2})[-/](\d{1,2})")
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


class BadValue(Exception):
    """A value its field cannot hold."""


def clean(field: Field, value: str) -> str | None:
    """The value as stored; None is an erasure. Raises BadValue."""
    match field.data_type:
        case DataType.NUMBER:
            return matched(NUMBER.fullmatch(value.strip()), value.strip())
        case DataType.DATE:
            return clean_date(value)
        case DataType.SELECT_ONE | DataType.SELECT_MANY:
            return option_of(field, value)
    return value


def matched(found: re.Match[str] | None, value: str) -> str:
    if found is None:
        raise BadValue
    return value


@lru_cache(maxsize=50_000)
def clean_date(value: str) -> str | None:
    """yyyy/mm/dd or yyyy-mm-dd between 1900/01/01 and 2076/06/06; 0000-00-00 erases."""
    found = DATE.fullmatch(value.strip())
    if found is None:
        raise BadValue
    year, month, day = (int(part) for part in found.groups())
    if year == month == day == 0:
        return None
    try:
        when = date(year, month, day)
    except ValueError:
        raise BadValue from None
    if not FIRST_DATE <= when <= LAST_DATE:
        raise BadValue
    return when.isoformat()


def option_of(field: Field, value: str) -> str:
    if value in field.options:
        return value
    for option in field.options:
        if option.lower() == value.lower():
            return option
    raise BadValue


def set_values(
    stored: dict[str, str | list[str]],
    values: list[Value],
    lookup: dict[str, Field],
    plain_key: Callable[[str], str],
) -> bool:
    """Write values as an update does; True when anything changed. Unknown keys and bad values are dropped.

    Several values of a MultiSelectMany replace its whole selection. An empty value changes nothing
    without Clear.
    """
    changed = False
    selected: dict[str, list[str]] = {}
    for item in values:
        key, value = item.key, item.value
        if key is None:
            continue
        field = lookup.get(key) or lookup.get(plain_key(key))
        if field is None:
            continue
        text = value if isinstance(value, str) else "" if value is None else str(value)
        if field.data_type is SELECT_MANY:
            changed |= select(stored, field, item, text, selected)
        elif item.clear:
            changed |= stored.pop(field.key, None) is not None
        elif text != "":
            changed |= put(stored, field, text)
    for chosen_key, chosen in selected.items():
        if stored.get(chosen_key) != chosen:
            stored[chosen_key] = chosen  # replaced, never merged
            changed = True
    return changed


def put(stored: dict[str, str | list[str]], field: Field, value: str) -> bool:
    if field.data_type is TEXT:
        new: str | None = value[:TEXT_CHARS]
    else:
        try:
            new = clean(field, value)
        except BadValue:
            return False
    if new is None:
        return stored.pop(field.key, None) is not None
    if stored.get(field.key) == new:
        return False
    stored[field.key] = new
    return True


def select(
    stored: dict[str, str | list[str]],
    field: Field,
    item: Value,
    value: str,
    selected: dict[str, list[str]],
) -> bool:
    """One option: gathered for the new selection, or with Clear taken out of the stored one."""
    if item.clear:
        kept = [] if value == "" else [option for option in stored.get(field.key, []) if option != value]
        before = stored.pop(field.key, [])
        if kept:
            stored[field.key] = kept
        return before != kept
    if value != "":
        try:
            option = option_of(field, value)
        except BadValue:
            return False
        chosen = selected.setdefault(field.key, [])
        if option not in chosen:
            chosen.append(option)
    return False


def first_problem(
    values: list[Value], lookup: dict[str, Field], plain_key: Callable[[str], str], knobs: Knobs
) -> int:
    """810 when the knobs say that too long or bad values are refused, else 0."""
    for item in values:
        field = lookup.get(plain_key(item.key or ""))
        if field is None or item.clear or item.value is None or item.value == "":
            continue
        text = str(item.value)
        too_long = field.data_type is DataType.TEXT and len(text) > TEXT_CHARS
        if too_long and knobs.text_overflow == "error810":
            return 810
        if knobs.bad_value == "error" and not fits(field, text):
            return 810
    return 0


def fits(field: Field, value: str) -> bool:
    try:
        clean(field, value)
    except BadValue:
        return False
    return True
