"""Reading a request's body: capped, unzipped, and as JSON in which no key is given twice.

Bodies never go through Django's or DRF's own attributes (`request.body`, `request.data`): those stay alive
with the request, which a reference cycle keeps until the next full garbage collection.
"""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Callable
from typing import Any, TypeVar

import msgspec
import orjson
from django.http import HttpRequest

from syncapp.api import limits
from syncapp.api.problems import Problem, invalid

T = TypeVar("T")
PIECE_BYTES = 64 * 1024
GZIP = 16 + zlib.MAX_WBITS
NUL_IN_JSON = b"\\u0000"
ESCAPES = re.compile(rb"\\u00(?:22|3[aA])").search
MEDIA_TYPES = ("application/json",)

_large: dict[str, int] = {}  # paths whose views read more than usual, piece by piece


def allow_large(path: str, most: int) -> None:
    """Let bodies of up to `most` bytes through to the view of this path, which must not hold them in memory."""
    _large[path] = most


def most_bytes(path: str) -> int:
    return _large.get(path, limits.BODY_BYTES)


PATCH_TYPES = ("application/merge-patch+json", "application/json")


def read(request: HttpRequest, media_types: tuple[str, ...] = MEDIA_TYPES) -> bytes:
    """The body, decompressed. Refuses other media types before reading, and oversize while reading."""
    check_media_type(request, media_types)
    zipped = is_gzip(request)
    body = read_capped(source_of(request), limits.BODY_BYTES)
    return keep(request, unzip(body, limits.DECOMPRESSED_BYTES) if zipped else body)


def keep(request: HttpRequest, body: bytes) -> bytes:
    """For the log of calls: how much came, and, where it is not much, what. Returns the body."""
    request.api_body_bytes = len(body)  # type: ignore[attr-defined]
    if len(body) <= limits.LOGGED_BYTES:
        request.api_body = body  # type: ignore[attr-defined]
    return body


def read_if_any(request: HttpRequest) -> bytes:
    """As `read`, where the body may be left out: that is an empty object."""
    return b"{}" if is_absent(request) else read(request)


def read_unread(request: HttpRequest) -> bytes | None:
    """For the log: the body of a call that was refused before it was read, where it is small."""
    declared = request.META.get("CONTENT_LENGTH") or ""
    if (
        getattr(request, "_read_started", True)
        or not declared.isdigit()
        or int(declared) > limits.LOGGED_BYTES
    ):
        return None
    try:
        zipped = is_gzip(request)
        body = request.read()
        return keep(request, unzip(body, limits.LOGGED_BYTES) if zipped else body)
    except (Problem, OSError):
        return None


def check_media_type(request: HttpRequest, media_types: tuple[str, ...] = MEDIA_TYPES) -> None:
    if is_absent(request):
        raise Problem("malformed_json", "The body is empty.")
    media_type, _, parameters = request.META.get("CONTENT_TYPE", "").partition(";")
    charset = parameters.strip().lower().replace('"', "")
    if media_type.strip().lower() not in media_types or charset not in ("", "charset=utf-8"):
        accepted = "Accept-Patch" if request.method == "PATCH" else "Accept-Post"
        raise Problem(
            "unsupported_media_type",
            f"Send the body with Content-Type: {' or '.join(media_types)}, in UTF-8.",
            headers={accepted: ", ".join(media_types)},
        )


def is_absent(request: HttpRequest) -> bool:
    """Neither a length nor chunks."""
    has_length = request.META.get("CONTENT_LENGTH") not in (None, "", "0")
    is_chunked = "HTTP_TRANSFER_ENCODING" in request.META
    return not has_length and not is_chunked


def is_gzip(request: HttpRequest) -> bool:
    encoding: str = request.META.get("HTTP_CONTENT_ENCODING", "identity").strip().lower()
    if encoding not in ("gzip", "identity", ""):
        raise Problem(
            "unsupported_media_type",
            "Content-Encoding may be gzip only.",
            headers={"Accept-Encoding": "gzip"},
        )
    return encoding == "gzip"


def source_of(request: HttpRequest) -> Callable[[int], bytes]:
    """What reads the next bytes. Django gives nothing of a chunked body, so that one is read from the server."""
    server_ends_it = request.META.get("wsgi.input_terminated") and not request.META.get("CONTENT_LENGTH")
    if server_ends_it and "wsgi.input" in request.META:
        return request.META["wsgi.input"].read  # type: ignore[no-any-return]
    return request.read


def refuse_oversize(request: HttpRequest) -> None:
    """What declares itself too large is refused before a byte of it is read."""
    declared = request.META.get("CONTENT_LENGTH") or "0"
    if not declared.isascii() or not declared.isdigit():
        raise Problem("invalid_header", "Content-Length must be a number of bytes.")
    most = most_bytes(request.path_info)
    if len(declared) > 15 or int(declared) > most:
        raise Problem(
            "body_too_large",
            f"The body may have {most} bytes at most; compress it or split the call.",
            limit=most,
        )


def read_capped(read: Callable[[int], bytes], most: int) -> bytes:
    pieces: list[bytes] = []
    size = 0
    while piece := read(min(PIECE_BYTES, most + 1 - size)):
        pieces.append(piece)
        size += len(piece)
        if size > most:
            raise too_large(most, "")
    return b"".join(pieces)


def unzip(body: bytes, most: int) -> bytes:
    """One gzip member; stops one byte beyond `most`, whatever the body claims to hold."""
    unzipper = zlib.decompressobj(wbits=GZIP)
    try:
        plain = unzipper.decompress(body, most + 1)
    except zlib.error as error:
        raise Problem(
            "malformed_json", "The body is not valid gzip, as its Content-Encoding says."
        ) from error
    if len(plain) > most:
        raise too_large(most, "decompressed ")
    if not unzipper.eof or unzipper.unused_data:
        raise Problem("malformed_json", "The gzip body is cut off, or something follows it.")
    return plain


def too_large(most: int, kind: str) -> Problem:
    return Problem("body_too_large", f"The {kind}body has more than {most} bytes.", limit=most)


def check_json(body: bytes) -> Any:
    """The value of the body. 400 for anything that is not exact JSON, or that names a key twice."""
    if not body:
        raise Problem("malformed_json", "The body is empty.")
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Problem("malformed_json", f"The body is not valid JSON: {error}.") from error
    if not has_as_many_keys(body, orjson.dumps(value)):
        refuse_keys_twice(body)
    return value


def has_as_many_keys(body: bytes, again: bytes) -> bool:
    """Whether a decoder that keeps the last of two equal keys dropped none; `again` is what it decoded, encoded.

    A key is followed by a quote and a colon, so a dropped one lacks in the count. Escapes could hide that: a
    body with an escaped quote or colon is never taken as certain.
    """
    return ESCAPES(body) is None and body.count(b'":') == again.count(b'":')


def refuse_keys_twice(body: bytes) -> None:
    try:
        json.loads(body, object_pairs_hook=once_each)
    except RecursionError as error:
        raise Problem("malformed_json", "The body is nested too deeply.") from error


def once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise Problem("malformed_json", f"The key {key[:50]!r} is given twice in one object.")
        found[key] = value
    return found


def decode(body: bytes, kind: type[T]) -> T:
    """The body as a wire type. 400 for broken JSON, 422 with a pointer for what the type does not allow."""
    value = check_json(body)
    if NUL_IN_JSON in body:
        refuse_nul(value)
    return convert(value, kind)


def convert(value: Any, kind: type[T]) -> T:
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        pointer, detail, code = explain(error, value)
        raise invalid(pointer, detail, code) from error


def explain(error: msgspec.ValidationError, value: Any = None) -> tuple[str, str, str]:
    """(JSON Pointer, words, code) of msgspec's message, like "Expected `int`, got `str` - at `$.a[2]`"."""
    words, _, place = str(error).partition(" - at `")
    pointer = to_pointer(place.rstrip("`").removeprefix("key in "))
    if words.startswith("Object contains unknown field `"):
        name = words.removeprefix("Object contains unknown field `").rstrip("`")
        return f"{pointer}/{escape(name)}", "This field is not known here.", "unknown_field"
    if words.startswith("Object missing required field `"):
        name = words.removeprefix("Object missing required field `").rstrip("`")
        return f"{pointer}/{escape(name)}", "This field is required.", "required"
    return pointer, f"{words}.", "invalid"


def to_pointer(place: str) -> str:
    """`$.a[2].b` → `/a/2/b`. An index msgspec leaves open (`[...]`) ends the pointer."""
    path = place.removeprefix("$").split("[...]", 1)[0]
    return "".join(f"/{escape(part)}" for part in path.replace("[", ".").replace("]", "").split(".") if part)


def escape(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")


def refuse_nul(value: Any) -> None:
    pointer = find_nul(value)
    if pointer is not None:
        raise invalid(pointer, "The character U+0000 cannot be stored.", "nul")


def find_nul(value: Any, pointer: str = "") -> str | None:
    """Where the first NUL is, in a key or a text."""
    if isinstance(value, str):
        return pointer if "\x00" in value else None
    children = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    for key, child in children:
        if "\x00" in str(key):
            return pointer
        found = find_nul(child, f"{pointer}/{escape(str(key))}")
        if found is not None:
            return found
    return None
