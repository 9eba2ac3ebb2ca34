"""Opaque cursors for lists: the place of the last row, so that pages stay right while rows come and go."""

from __future__ import annotations

import base64
import binascii
from typing import TypeVar
from urllib.parse import urlencode

import msgspec
from django.http import HttpRequest

from syncapp.api.problems import invalid_parameter

T = TypeVar("T")


def to_cursor(place: object) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(place)).rstrip(b"=").decode()


def from_cursor(cursor: str, kind: type[T]) -> T:
    """Raises 422 for anything that is not a cursor of this list."""
    try:
        text = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        return msgspec.json.decode(text, type=kind)
    except (ValueError, binascii.Error, msgspec.MsgspecError, RecursionError) as error:
        raise invalid_parameter("cursor", "Not a cursor of this list; begin without one.") from error


def link_to_next(request: HttpRequest, cursor: str | None) -> dict[str, str]:
    """The header `Link` to the page after this one; none after the last."""
    if cursor is None:
        return {}
    query = urlencode({**request.GET.dict(), "cursor": cursor})
    return {"Link": f'<{request.path_info}?{query}>; rel="next"'}
