"""Send a stored call again: through the whole API as its key, and as a new call of its own.

The key's secret is not known here and not needed: the request is made in this process, with the client it speaks for
(`replay_as`). Everything else is as for calls from outside: scopes, networks, quotas, the log. An Idempotency-Key is
not sent again, or the old answer would come back.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from io import BytesIO
from typing import Any
from urllib.parse import unquote_to_bytes

from django.core.handlers.wsgi import WSGIHandler, WSGIRequest
from django.http import HttpRequest

from syncapp.accounts import keys
from syncapp.api import calls
from syncapp.api.models import ApiCall, InspectorToken

NOT_SENT = ("Idempotency-Key",)
OF_THE_CALLER = (
    "HTTP_HOST",
    "HTTP_X_FORWARDED_FOR",
    "HTTP_X_FORWARDED_PROTO",
    "REMOTE_ADDR",
    "SERVER_NAME",
    "SERVER_PORT",
    "wsgi.url_scheme",
)
WRITES = ("POST", "PUT", "PATCH", "DELETE")
DESTROYS = ("/empty", "/erase", "/commit")


class CannotReplay(Exception):
    """Why not, in words for the developer."""


def is_destructive(call: ApiCall) -> bool:
    """It may take away what no second call brings back."""
    return call.method == "DELETE" or call.path.endswith(DESTROYS)


def obstacle(call: ApiCall, kept: calls.Kept | None) -> str:
    """Why this call cannot be sent again; empty where it can."""
    if kept is None:
        return "What was sent can no longer be opened."
    if call.path == "/api/oauth/token":
        return "Tokens are not asked for again here."
    if kept.had_body and kept.request is None:
        return "Its body was not kept: it was too large, or sent in chunks and not read."
    if kept.is_masked:
        return "Its body held a secret, which was not kept."
    return ""


def replay(call: ApiCall, token: InspectorToken, outer: HttpRequest) -> str:
    """Returns the request id of the new call. Outside any account's scope."""
    kept = calls.unseal(call)
    if words := obstacle(call, kept):
        raise CannotReplay(words)
    try:
        client = keys.living(token.key.prefix)
    except keys.Refused as error:
        raise CannotReplay("This key has been revoked or has expired; it makes no calls any more.") from error
    request = WSGIRequest(environ_of(call, kept, outer))
    request.replay_as = replace(client, scopes=client.scopes & frozenset(kept.scopes))  # type: ignore[attr-defined]
    request.replay_of = call.request_id  # type: ignore[attr-defined]
    response = handler().get_response(request)
    return str(response.headers["X-Request-Id"])


def environ_of(call: ApiCall, kept: calls.Kept, outer: HttpRequest) -> dict[str, Any]:
    body = kept.request or b""
    environ: dict[str, Any] = {name: outer.META[name] for name in OF_THE_CALLER if name in outer.META}
    environ |= {
        "REQUEST_METHOD": call.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(kept.path).decode("latin-1"),
        "RAW_URI": kept.path + (f"?{kept.query}" if kept.query else ""),
        "QUERY_STRING": kept.query,
        "wsgi.input": BytesIO(body),
        "CONTENT_LENGTH": str(len(body)) if body else "",
    }
    for name, value in kept.request_headers.items():
        if name not in NOT_SENT:
            variable = name.upper().replace("-", "_")
            environ[variable if variable == "CONTENT_TYPE" else f"HTTP_{variable}"] = value
    return environ


@cache
def handler() -> WSGIHandler:
    """The whole site, middleware and all, as a server would call it."""
    return WSGIHandler()
