"""From a chunk's body to its items: JSON, lines of JSON, or CSV. A wrong envelope is refused as a whole."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Any

import msgspec
import orjson

from audiences.ingest.refusals import Refused
from audiences.models import Property
from audiences.syncs.lines import NAMING, Lines
from syncapp.api import bodies, limits
from syncapp.api.problems import Problem, invalid

JSON, NDJSON, CSV = "application/json", "application/x-ndjson", "text/csv"
FORMATS = {
    JSON: JSON,
    NDJSON: NDJSON,
    "application/ndjson": NDJSON,
    "application/jsonl": NDJSON,
    CSV: CSV,
}
CELL_CHARS = 1024 * 1024
YES, NO = frozenset({"true", "1", "yes"}), frozenset({"false", "0", "no"})


class PlainMembers(msgspec.Struct, forbid_unknown_fields=True):
    members: list[str]


class Members(msgspec.Struct, forbid_unknown_fields=True):
    """Of a replace: ids as text, or contact objects."""

    members: list[Any]


class Operations(msgspec.Struct, forbid_unknown_fields=True):
    """Of a delta."""

    operations: list[Any]


def read_json(body: bytes, lines: Lines, is_delta: bool) -> None:
    ids = None if is_delta else plain_members(body)
    if ids is not None:
        refuse_too_many(len(ids))
        lines.add_ids(ids)
        return
    value = bodies.check_json(body)
    items = (
        bodies.convert(value, Operations).operations if is_delta else bodies.convert(value, Members).members
    )
    refuse_too_many(len(items))
    for item in items:
        lines.add(item)


def plain_members(body: bytes) -> list[str] | None:
    """The usual way, straight from the text; None where anything needs a closer look."""
    try:
        found = msgspec.json.decode(body, type=PlainMembers)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return None
    plain = bodies.has_as_many_keys(body, msgspec.json.encode(found)) and bodies.NUL_IN_JSON not in body
    return found.members if plain else None


def read_ndjson(body: bytes, lines: Lines) -> None:
    """One item per line; empty lines are passed over."""
    refuse_too_many(sum(1 for line in body.split(b"\n") if line.strip()))
    for number, line in enumerate(body.split(b"\n"), 1):
        if not line.strip():
            continue
        try:
            item = orjson.loads(line)
            if isinstance(item, dict) and not bodies.has_as_many_keys(line, orjson.dumps(item)):
                bodies.refuse_keys_twice(line)
        except orjson.JSONDecodeError as error:
            lines.refuse(
                line, Refused("malformed_json", f"The line is not valid JSON: {error.msg}.", ""), number
            )
        except Problem as problem:
            lines.refuse(line, Refused("malformed_json", problem.detail, ""), number)
        else:
            lines.add(item, number)


def read_csv(body: bytes, lines: Lines, is_delta: bool, types: dict[str, str]) -> None:
    """A header, then one item per row. `types`: {property key: type} of the account."""
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise invalid("/", "The file is not UTF-8.", "invalid_encoding") from error
    rows = numbered(text)
    header = next(rows, (1, []))[1]
    check_header(header, is_delta, types)
    for count, (line, cells) in enumerate(rows, 1):
        refuse_too_many(count)
        if len(cells) != len(header):
            words = f"The row has {len(cells)} cells, the header {len(header)}."
            lines.refuse(orjson.dumps(cells), Refused("invalid_contact", words, ""), line)
            continue
        given = {name: cell for name, cell in zip(header, cells, strict=True) if cell != ""}
        try:
            item = to_item(given, is_delta, types)
        except Refused as refused:
            lines.refuse(to_plain(given, is_delta), refused, line)
        else:
            lines.add(item, line)


def numbered(text: str) -> Iterator[tuple[int, list[str]]]:
    """(line, cells) of each row; a row is named by the line it begins on. Empty lines are passed over."""
    csv.field_size_limit(CELL_CHARS)
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    begins = 1
    try:
        for cells in reader:
            if cells:
                yield begins, cells
            begins = reader.line_num + 1
    except csv.Error as error:
        raise invalid(f"/lines/{begins}", f"This is not CSV: {error}.", "malformed_csv") from error


def check_header(header: list[str], is_delta: bool, types: dict[str, str]) -> None:
    known = {*NAMING, *types, *(("op", "occurred_at") if is_delta else ())}
    for column, name in enumerate(header):
        if name not in known:
            raise invalid(
                f"/header/{column}", f"There is no field or property “{name[:60]}”.", "unknown_field"
            )
    if len(set(header)) < len(header):
        raise invalid("/header", "A column is named twice.", "duplicate_column")
    if not set(header) & set(NAMING):
        raise invalid("/header", f"One column has to name people: {', '.join(NAMING)}.", "required")
    if is_delta and "op" not in header:
        raise invalid("/header", "A delta needs a column op: add or remove.", "required")


def to_item(given: dict[str, str], is_delta: bool, types: dict[str, str]) -> dict[str, Any]:
    """The row as an item of JSON. An empty cell says nothing. Raises Refused for a value of another type."""
    contact: dict[str, Any] = {name: given[name] for name in NAMING if name in given}
    properties = {name: to_value(name, cell, types[name]) for name, cell in given.items() if name in types}
    if properties:
        contact["properties"] = properties
    return to_operation(given, contact) if is_delta else contact


def to_plain(given: dict[str, str], is_delta: bool) -> dict[str, Any]:
    """A row that fails, as it was sent."""
    return to_operation(given, dict(given)) if is_delta else dict(given)


def to_operation(given: dict[str, str], contact: dict[str, Any]) -> dict[str, Any]:
    outer: dict[str, Any] = {name: given[name] for name in ("op", "occurred_at") if name in given}
    inner = {name: value for name, value in contact.items() if name not in outer}
    return {**outer, "contact": inner}


def to_value(name: str, cell: str, type: str) -> Any:
    if type == Property.Type.NUMBER:
        return to_number(name, cell)
    if type == Property.Type.BOOLEAN:
        if cell.lower() not in YES | NO:
            raise misfit(name, "true or false")
        return cell.lower() in YES
    if type == Property.Type.LIST:
        return [part.strip() for part in cell.split(";")]
    return cell


def to_number(name: str, cell: str) -> int | float:
    try:
        return int(cell) if cell.lstrip("-").isdigit() else float(cell)
    except ValueError:
        raise misfit(name, "a number") from None


def misfit(name: str, wanted: str) -> Refused:
    return Refused("invalid_contact", f"“{name}” takes {wanted}.", f"/properties/{name}")


def refuse_too_many(received: int) -> None:
    if received > limits.CHUNK_ITEMS:
        raise Problem(
            "too_many_items",
            f"A chunk may have {limits.CHUNK_ITEMS} items at most.",
            limit=limits.CHUNK_ITEMS,
            received=received,
        )
