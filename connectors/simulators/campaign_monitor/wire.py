"""Answers on the wire: JSON with .json or an Accept header, XML otherwise, as the real one."""

from __future__ import annotations

from typing import Any
from xml.sax.saxutils import escape

import orjson

from ..exchange import Reply, Request
from .asking import Created
from .errors import Refused


def split_format(request: Request) -> tuple[str, bool]:
    """The path without its extension, and whether the answer is JSON."""
    for ending, is_json in ((".json", True), (".xml", False)):
        if request.path.lower().endswith(ending):
            return request.path[: -len(ending)], is_json
    return request.path, "json" in request.headers.get("accept", "")


def reply_of(answer: Any, request: Request, is_json: bool) -> Reply:
    """201 with the value of a creation, 200 with anything else, an empty 200 for None."""
    if answer is None:
        return Reply(200)
    status, value = (201, answer.value) if isinstance(answer, Created) else (200, answer)
    return written(status, value, request, is_json)


def refusal_of(refused: Refused, request: Request, is_json: bool) -> Reply:
    return written(refused.status, refused.envelope(), request, is_json)


def written(status: int, value: Any, request: Request, is_json: bool) -> Reply:
    if not is_json:
        body = '<?xml version="1.0" encoding="utf-8"?>' + to_xml("Result", value)
        return Reply(status, body.encode(), "application/xml; charset=utf-8")
    pretty = orjson.OPT_INDENT_2 if request.query.get("pretty", "").lower() == "true" else 0
    return Reply(status, orjson.dumps(value, option=pretty))


def to_xml(tag: str, value: Any) -> str:
    """Enough for a caller who forgot .json to notice."""
    if isinstance(value, dict):
        inner = "".join(to_xml(name, item) for name, item in value.items())
    elif isinstance(value, list):
        inner = "".join(to_xml("Item", item) for item in value)
    elif isinstance(value, bool):
        inner = str(value).lower()
    else:
        inner = escape(str(value))
    return f"<{tag}>{inner}</{tag}>"
