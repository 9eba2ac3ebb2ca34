"""JSON or XML, as the call asks; bodies come in either, whatever the answer's form."""

from __future__ import annotations

from typing import Any

import msgspec
from django.http import HttpRequest, HttpResponse

from audiences.compat.mailplus import xml
from syncapp.api import bodies, limits
from syncapp.api.problems import Problem

JSON, XML = "application/json", "application/xml"
MEDIA_TYPES = (JSON, XML)
JSON_TYPES = frozenset({JSON, "text/json", ""})
XML_TYPES = frozenset({XML, "text/xml"})
# Roots that are a member of the body rather than the body itself.
MEMBERS = frozenset({"contact", "contacts"})


def answer(request: HttpRequest, root: str, value: Any, status: int = 200) -> HttpResponse:
    """`root` names the element the value becomes in XML; JSON has no name for it."""
    if wants_xml(request):
        return HttpResponse(xml.write(root, value), status=status, content_type=XML)
    return HttpResponse(msgspec.json.encode(value), status=status, content_type=JSON)


def wants_xml(request: HttpRequest) -> bool:
    """By Accept; where that leaves it open, as the body came. Nothing is refused: clients of Mail+ say odd things."""
    ranges = [to_range(text) for text in request.META.get("HTTP_ACCEPT", "").split(",")]
    for _, media_type in sorted(ranges, key=lambda one: -one[0]):
        if media_type in JSON_TYPES - {""}:
            return False
        if media_type in XML_TYPES:
            return True
    return media_type_of(request) in XML_TYPES


def to_range(text: str) -> tuple[float, str]:
    """(quality, media type) of one part of Accept."""
    media_type, _, parameters = text.partition(";")
    for parameter in parameters.split(";"):
        name, _, value = parameter.strip().partition("=")
        if name == "q" and value.replace(".", "", 1).isdecimal():
            return float(value), media_type.strip().lower()
    return 1.0, media_type.strip().lower()


def media_type_of(request: HttpRequest) -> str:
    given: str = request.META.get("CONTENT_TYPE", "")
    return given.partition(";")[0].strip().lower()


def read(request: HttpRequest) -> bytes:
    """The body as it came, unzipped; empty where there is none."""
    if bodies.is_absent(request):
        return b""
    zipped = bodies.is_gzip(request)
    body = bodies.read_capped(bodies.source_of(request), limits.BODY_BYTES)
    return bodies.keep(request, bodies.unzip(body, limits.DECOMPRESSED_BYTES) if zipped else body)


def decode(request: HttpRequest, body: bytes) -> Any:
    """The value of a body that is there. Texts of XML stay texts. Raises Problem."""
    media_type = media_type_of(request)
    if media_type in XML_TYPES:
        return decode_xml(body)
    if media_type not in JSON_TYPES:
        raise Problem("unsupported_media_type", "Send the body as application/json or application/xml.")
    value = bodies.check_json(body)
    if bodies.NUL_IN_JSON in body:
        bodies.refuse_nul(value)
    return value


def decode_xml(body: bytes) -> Any:
    try:
        root, value = xml.read(body)
    except xml.NotXml as error:
        raise Problem("malformed_json", str(error)) from error
    return {root: value} if root in MEMBERS else value
