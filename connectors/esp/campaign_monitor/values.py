"""One value into one Campaign Monitor field, or the reason why it cannot be sent.

Campaign Monitor drops what it cannot hold without a word, so the rules are applied here. Sources: API v3.3 on
custom fields. Where its behaviour is not known (bad numbers, unknown options) the value is left out and
reported.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import NamedTuple

from connectors.esp.campaign_monitor.spec import SPEC
from connectors.esp.contract import FieldType, LeftOut, RemoteField, Value

FIRST_DATE, LAST_DATE = date(1900, 1, 1), date(2076, 6, 6)  # docs; outside, dates are dropped silently
VALUE_CHARS = SPEC.limits.value_chars
_LISTS = (list, tuple)  # a tuple: isinstance builds "list | tuple" anew at each call, and this is hot


@dataclass(frozen=True, slots=True)
class Reason:
    code: str
    words: str

    def of(self, key: str) -> LeftOut:
        return LeftOut(key, self.code, self.words)


UNKNOWN_FIELD = Reason("unknown_field", "The list has no field with this key.")
UNWRITABLE_FIELD = Reason(
    "unwritable_field", "Campaign Monitor gives this field no key of its own: rename it."
)
TOO_LONG = Reason("too_long", f"The text is longer than {VALUE_CHARS} characters.")
NOT_TEXT = Reason("not_text", "The text holds characters that cannot be sent.")
NOT_A_NUMBER = Reason("not_a_number", "The field holds numbers and this is none.")
NOT_A_DATE = Reason("not_a_date", "The field holds dates and this is none.")
DATE_OUT_OF_RANGE = Reason("date_out_of_range", "The field holds dates from 1900 to June 2076.")
UNKNOWN_OPTION = Reason("unknown_option", "The field has no such option.")
ONE_OPTION_ONLY = Reason("one_option_only", "The field holds one option and there are several.")


class Several(NamedTuple):
    """One text per option, and why others are not among them."""

    texts: list[str]
    reason: Reason | None


Fitted = str | Several | Reason
"""What to send, or why nothing is."""

Convert = Callable[[Value], Fitted]


def is_blank(value: Value) -> bool:
    """None, "" and a list of nothing but them clear a field. 0 and False do not: they are values."""
    if value is None or value == "":
        return True
    return isinstance(value, _LISTS) and all(item is None or item == "" for item in value)


def converter(field: RemoteField, *, cut_long_text: bool) -> Convert:
    """The conversion for a field's type; each takes a value that is not blank."""
    if field.type is FieldType.NUMBER:
        return to_number
    if field.type is FieldType.DATE:
        return to_date
    if field.type is FieldType.ONE_OF:
        return _one_of(_spellings(field))
    if field.type is FieldType.MANY_OF:
        return _many_of(_spellings(field))
    return to_cut_text if cut_long_text else to_text


def by_python_type(value: Value) -> Fitted:
    """For a field whose type is not known: a list becomes one text per item."""
    if isinstance(value, _LISTS):
        texts = [as_text(item) for item in value]
        return Several(texts, None) if all(map(is_sendable, texts)) else NOT_TEXT
    return to_text(value)


def to_text(value: Value) -> Fitted:
    text = value if isinstance(value, str) else as_text(value)
    if len(text) > VALUE_CHARS:
        return TOO_LONG
    return text if is_sendable(text) else NOT_TEXT


def to_cut_text(value: Value) -> Fitted:
    return to_text(as_text(value)[:VALUE_CHARS])


def to_number(value: Value) -> Fitted:
    """A plain decimal: no exponent, no thousands, a point. Whether more is read is not documented."""
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, int):
        return str(value) if value.bit_length() < 64 else to_text(value)
    if isinstance(value, float):
        value = repr(value)
    if not isinstance(value, str | Decimal):
        return NOT_A_NUMBER
    try:
        number = Decimal(value)
    except InvalidOperation:
        return NOT_A_NUMBER
    if not number.is_finite():
        return NOT_A_NUMBER
    if abs(number.adjusted()) > VALUE_CHARS:  # before writing it out: 1E+999999 is a million digits
        return TOO_LONG
    return to_text(format(number, "f"))


def to_date(value: Value) -> Fitted:
    """yyyy/mm/dd. A moment gives the date it has in its own time zone."""
    day = _day(value)
    if day is None:
        return NOT_A_DATE
    if not FIRST_DATE <= day <= LAST_DATE:
        return DATE_OUT_OF_RANGE
    return day.isoformat().replace("-", "/")


def _day(value: Value) -> date | None:
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    if not isinstance(value, str):
        return None
    try:  # ISO only: 03/04/2025 means two things
        return datetime.fromisoformat(value.strip().replace("/", "-")).date()
    except ValueError:
        return None


def _one_of(spellings: dict[str, str]) -> Convert:
    def convert(value: Value) -> Fitted:
        if isinstance(value, _LISTS):
            if len(value) > 1:
                return ONE_OPTION_ONLY
            value = value[0]
        option = _option(value, spellings)
        return UNKNOWN_OPTION if option is None else option

    return convert


def _many_of(spellings: dict[str, str]) -> Convert:
    """All options of the person: what is sent replaces the selection. Unknown ones are reported, not sent."""

    def convert(value: Value) -> Fitted:
        items: Sequence[Value] = value if isinstance(value, _LISTS) else [value]
        options = [_option(item, spellings) for item in items if not is_blank(item)]
        known = list(dict.fromkeys(option for option in options if option is not None))
        return Several(known, UNKNOWN_OPTION if None in options else None)

    return convert


def _option(value: Value, spellings: dict[str, str]) -> str | None:
    """The option as the field spells it. Without a list of options (countries, states) any text goes."""
    if isinstance(value, str) and value in spellings:
        return spellings[value]
    for text in _texts_of(value):
        if not spellings:
            return text if is_sendable(text) and len(text) <= VALUE_CHARS else None
        option = spellings.get(text.strip().casefold())
        if option is not None:
            return option
    return None


def _texts_of(value: Value) -> tuple[str, ...]:
    if isinstance(value, bool):
        return ("true", "yes", "1") if value else ("false", "no", "0")
    return (as_text(value),)


def _spellings(field: RemoteField) -> dict[str, str]:
    """How an option may be spelt → the option: exactly, else regardless of case."""
    return {option.strip().casefold(): option for option in field.options} | {o: o for o in field.options}


def as_text(value: Value) -> str:
    """Any value as text: ISO dates, plain decimals, true/false, lists with commas."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        in_range = value.is_finite() and abs(value.adjusted()) <= VALUE_CHARS
        return format(value, "f") if in_range else str(value)
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, _LISTS):
        return ", ".join(as_text(item) for item in value)
    if isinstance(value, int) and value.bit_length() > 10_000:  # Python writes out no more than 4300 digits
        return f"{value:x}"  # longer than any field; only its length is looked at
    return "" if value is None else str(value)


def is_sendable(text: str) -> bool:
    """No NUL, and no half of a surrogate pair, which UTF-8 cannot hold: one would fail the whole batch."""
    if "\x00" in text:
        return False
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
