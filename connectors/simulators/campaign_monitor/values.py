"""How a written custom-field value becomes a stored one, or is dropped."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from functools import lru_cache

from .binding import Value
from .core import Knobs
from .state import DataType, Field

TEXT_CHARS = 250
TEXT, SELECT_MANY = DataType.TEXT, DataType.SELECT_MANY  # an enum's members are slow to look up
FIRST_DATE, LAST_DATE = date(1900, 1, 1), date(2076, 6, 6)
NUMBER = re.compile(r"[+-]?\d+([.,]\d+)?")
DATE = re.compile(r"(\d{4})[-/](\d{1,2})[-/](\d{1,2})")


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
