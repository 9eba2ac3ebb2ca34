"""Whether what an ESP holds is what it was sent, however the ESP writes it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation

from connectors.esp.contract import FieldType, Subscriber
from connectors.sync.sources import NAME_TARGET

Held = str | list[str]


def differing(sent: Subscriber, held: Subscriber, types: Mapping[str, FieldType]) -> list[str]:
    """Keys of the fields in which the ESP holds something else; `name` for the name.

    `types` by key in small letters. What was not sent is not compared: it is theirs.
    """
    theirs = {key.casefold(): value for key, value in held.values.items()}
    found = [
        key
        for key, value in sent.values.items()
        if not alike(types.get(key.casefold(), FieldType.TEXT), value, theirs.get(key.casefold(), ""))
    ]
    if sent.name and tidy(sent.name) != tidy(held.name):
        found.append(NAME_TARGET)
    return found


def alike(type_: FieldType, sent: Held, held: Held) -> bool:
    """Numbers by value, dates by day, options regardless of order and case, texts regardless of white space."""
    ours, theirs = texts(sent), texts(held)
    if type_ in (FieldType.ONE_OF, FieldType.MANY_OF):
        return {text.casefold() for text in ours} == {text.casefold() for text in theirs}
    if type_ is FieldType.NUMBER:
        return list(map(number, ours)) == list(map(number, theirs))
    if type_ is FieldType.DATE:
        return list(map(day, ours)) == list(map(day, theirs))
    return ours == theirs


def texts(value: Held) -> list[str]:
    """The parts that say something."""
    parts = [value] if isinstance(value, str) else value
    return [text for text in map(tidy, parts) if text]


def tidy(text: str) -> str:
    return " ".join(text.split())


def number(text: str) -> Decimal | str:
    try:
        return Decimal(text)
    except InvalidOperation:
        return text


def day(text: str) -> str:
    """2010-12-14, 2010/12/14 and 2010-12-14 00:00:00 are one day."""
    return text[:10].replace("/", "-")
