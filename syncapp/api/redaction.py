"""What of a call may stand in clear, and what may not be kept at all."""

from __future__ import annotations

import re
from urllib.parse import unquote

from django.http import HttpRequest

from syncapp.api.paths import raw_path

PATH_CHARS = 300
VALUE_CHARS = 80
# After these words comes the id of a thing; every other parameter of a path may name a person.
THINGS = {
    "audience",
    "audiences",
    "chunks",
    "consents",
    "deliveries",
    "jobs",
    "labels",
    "syncs",
    "webhooks",
}
# Prefixes of our own secrets, wherever in a body they stand.
SECRETS = re.compile(rb"(ak_live_[0-9a-f]{8}_|at_live_|it_live_|whsec_)[A-Za-z0-9+/=_-]{8,}")
MAY_HOLD_SECRET = (b"_live_", b"whsec_")


def to_clear_path(request: HttpRequest) -> str:
    """`/api/v1/contacts/{external_id}/consents/newsletter`: people's ids become the parameter's name."""
    match = request.resolver_match
    if match is None:
        return "/".join(raw_path(request).split("/")[:2]) + "/…"
    route = match.route.split("/")
    sent = request.path_info.lstrip("/").split("/")
    if len(route) != len(sent):
        return f"/{'/'.join(map(to_name, route))}"[:PATH_CHARS]
    parts = [
        to_part(before, pattern, value)
        for before, pattern, value in zip(["", *route], route, sent, strict=False)
    ]
    return f"/{'/'.join(parts)}"[:PATH_CHARS]


def to_part(before: str, pattern: str, value: str) -> str:
    if not pattern.startswith("<"):
        return value
    return shorten(unquote(value)) if before in THINGS else to_name(pattern)


def to_name(pattern: str) -> str:
    """`<str:external_id>` → `{external_id}`; what takes any number of segments → `…`."""
    if pattern.startswith("<path:"):
        return "…"
    return f"{{{pattern.strip('<>').rpartition(':')[2]}}}" if pattern.startswith("<") else pattern


def shorten(value: str) -> str:
    shown = "".join(letter if letter.isprintable() else "�" for letter in value)
    return shown if len(shown) <= VALUE_CHARS else f"{shown[: VALUE_CHARS - 1]}…"


def without_secrets(body: bytes) -> bytes:
    if not any(mark in body for mark in MAY_HOLD_SECRET):
        return body
    return SECRETS.sub(rb"\1...", body)
