"""Lines of JSON and rows of CSV out of a stream of bytes, in the form they are kept in.

A kept line is its number in the file, a tab, and what was sent: the line of JSON itself, or the cells of the row as
JSON. What is wrong with one line is found when it is carried out; what is wrong with the file refuses it here.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator

import orjson

from audiences.api.contact_wire import SHORTHANDS
from syncapp.api.problems import Problem, invalid

LINE_BYTES = 1024 * 1024
NAMES = ("external_id", "email")
SEPARATORS = (",", ";", "\t")


def lines_of(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Without their ends; the last one needs none."""
    rest = b""
    for piece in pieces:
        *lines, rest = (rest + piece).split(b"\n")
        for line in lines:
            yield line.removesuffix(b"\r")
        if len(rest) > LINE_BYTES:
            raise invalid("", f"A line has more than {LINE_BYTES} bytes.", "line_too_long")
    if rest:
        yield rest.removesuffix(b"\r")


def json_lines(pieces: Iterable[bytes]) -> Iterator[bytes]:
    for number, line in enumerate(lines_of(pieces), 1):
        text = line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line
        if text.strip():
            yield b"%d\t%s" % (number, text)


class Rows:
    """Rows of CSV. `columns` are known once the first row was asked for."""

    def __init__(self, pieces: Iterable[bytes], keys: frozenset[str]) -> None:
        self._texts = self._decoded(pieces)
        self._keys = keys
        self.columns: list[str] = []

    def __iter__(self) -> Iterator[bytes]:
        first = next(self._texts, "")
        self._line = 1
        separator = max(SEPARATORS, key=first.count)
        reader = csv.reader(self._counted(first), delimiter=separator, strict=True)
        try:
            self.columns = next(reader, [])
            check_columns(self.columns, self._keys)
            begins = self._line + 1
            for cells in reader:
                if any(cells):
                    yield b"%d\t%s" % (begins, orjson.dumps(cells))
                begins = self._line + 1
        except csv.Error as error:
            raise invalid(
                f"/lines/{begins_at(self._line)}", f"This is not CSV: {error}.", "malformed_csv"
            ) from error

    def _counted(self, first: str) -> Iterator[str]:
        yield first
        for text in self._texts:
            self._line += 1
            yield text

    def _decoded(self, pieces: Iterable[bytes]) -> Iterator[str]:
        for number, line in enumerate(lines_of(pieces), 1):
            try:
                text = line.decode()
            except UnicodeDecodeError as error:
                raise invalid(f"/lines/{number}", "The file is not UTF-8.", "invalid_encoding") from error
            yield (text.removeprefix("\ufeff") if number == 1 else text) + "\n"


def begins_at(line: int) -> int:
    return max(1, line)


def check_columns(columns: list[str], keys: frozenset[str]) -> None:
    if not columns:
        raise Problem("empty_request", "There are no contacts.")
    known = {*NAMES, *SHORTHANDS, *keys}
    for place, name in enumerate(columns):
        if name not in known:
            raise invalid(
                f"/header/{place}", f"There is no field or property “{name[:60]}”.", "unknown_field"
            )
    if len(set(columns)) < len(columns):
        raise invalid("/header", "A column is named twice.", "duplicate_column")
    if not set(columns) & set(NAMES):
        raise invalid("/header", f"One column has to name people: {' or '.join(NAMES)}.", "required")
