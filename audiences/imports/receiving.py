"""A body too large for memory, piece by piece: within its limits, unzipped, and complete."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterator

from django.http import HttpRequest

from syncapp.api import limits
from syncapp.api.bodies import GZIP, is_gzip, source_of, too_large
from syncapp.api.problems import Problem

PIECE_BYTES = 256 * 1024
SUSPECT_FROM_BYTES = 64 * limits.MIB
MOST_TIMES = 200  # text compresses to a tenth, a bomb to a thousandth


class Body:
    """The pieces of a body, decompressed. `sha256` is of what was given so far."""

    def __init__(self, request: HttpRequest, most: int | None = None) -> None:
        self._request = request
        self._most = limits.IMPORT_BYTES if most is None else most
        self._unzipper = zlib.decompressobj(wbits=GZIP) if is_gzip(request) else None
        self.received = 0
        self.given = 0
        self.sha256 = hashlib.sha256()

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._sent():
            for plain in self._unzipped(piece):
                self.given += len(plain)
                if self.given > self._most:
                    raise too_large(self._most, "decompressed ")
                self._refuse_bomb()
                self.sha256.update(plain)
                yield plain
        self._check_end()

    def _sent(self) -> Iterator[bytes]:
        read = source_of(self._request)
        while True:
            try:
                piece = read(PIECE_BYTES)
            except OSError as error:
                raise broken_off() from error
            if not piece:
                break
            self.received += len(piece)
            if self.received > self._most:
                raise too_large(self._most, "")
            yield piece
        declared = self._request.META.get("CONTENT_LENGTH")
        if declared and self.received != int(declared):
            raise broken_off()

    def _unzipped(self, piece: bytes) -> Iterator[bytes]:
        if self._unzipper is None:
            yield piece
            return
        while piece:
            if self._unzipper.eof:
                raise Problem("malformed_request", "Something follows the gzip body.")
            try:
                plain = self._unzipper.decompress(piece, PIECE_BYTES)
            except zlib.error as error:
                raise Problem(
                    "malformed_request", "The body is not gzip, as its Content-Encoding says."
                ) from error
            piece = self._unzipper.unconsumed_tail or self._unzipper.unused_data
            if plain:
                yield plain

    def _refuse_bomb(self) -> None:
        if self.given > SUSPECT_FROM_BYTES and self.given > MOST_TIMES * self.received:
            raise Problem(
                "body_too_large",
                f"The body unzips to more than {MOST_TIMES} times its size: that is no list of people.",
                limit=MOST_TIMES * self.received,
            )

    def _check_end(self) -> None:
        if self._unzipper is None:
            return
        if rest := self._unzipper.flush():
            raise Problem("malformed_request", f"The gzip body ends with {len(rest)} bytes too many.")
        if not self._unzipper.eof:
            raise Problem("malformed_request", "The gzip body is cut off.")


def broken_off() -> Problem:
    return Problem("malformed_request", "The body broke off: nothing of it was kept.")
