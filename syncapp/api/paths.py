"""Routing on the path as it was sent: a caller's id may hold `%2F`, which WSGI's decoded path cannot tell from `/`.

The path is brought to one spelling, each segment percent-encoded, before Django's resolver sees it; views get
the encoded segment and decode it with `to_external_id`.
"""

from __future__ import annotations

from urllib.parse import quote, unquote, unquote_to_bytes

from django.http import HttpRequest

PREFIXES = ("/api/", "/compat/")


def raw_path(request: HttpRequest) -> str:
    """The path as sent, without the query. gunicorn and most WSGI servers pass it on; else the decoded one."""
    sent = request.META.get("RAW_URI") or request.META.get("REQUEST_URI")
    if not isinstance(sent, str) or not sent:
        return quote(request.path, safe="/")
    path = sent.split("?", 1)[0].split("#", 1)[0]
    if "://" in path[:8]:  # absolute form, as proxies send it
        path = "/" + path.split("://", 1)[1].partition("/")[2]
    return path


def to_routable(path: str) -> str:
    """One spelling per path: `%6d` becomes `m`, a space `%20`; `%2F` stays."""
    return "/".join(quote(unquote_to_bytes(segment), safe="") for segment in path.split("/"))


def to_text(segment: str) -> str:
    """The text of an encoded segment. Raises UnicodeDecodeError where it is not UTF-8."""
    return unquote(segment, encoding="utf-8", errors="strict")
