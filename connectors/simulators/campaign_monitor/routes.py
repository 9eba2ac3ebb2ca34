"""Which path is which endpoint, and the order of the server's checks."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from ..exchange import Request
from . import clients, fields, importing, lists, subscribers, webhooks
from .asking import Ask
from .core import Core
from .errors import Refused
from .state import State

TOKEN_CODES = {"expired": 121, "revoked": 122}


@dataclass(frozen=True, slots=True)
class Route:
    method: str
    pattern: re.Pattern[str]
    operation: str
    endpoint: Callable[[Ask], Any]


def route(line: str, operation: str, endpoint: Callable[[Ask], Any]) -> Route:
    """`line` is "GET lists/{list}/stats"."""
    method, path = line.split(" ")
    pattern = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", path)
    return Route(method, re.compile(pattern, re.IGNORECASE), operation, endpoint)


ROUTES = [
    route("POST subscribers/{list}/import", "subscribers.import", importing.import_people),
    route("POST subscribers/{list}", "subscribers.add", subscribers.add),
    route("PUT subscribers/{list}", "subscribers.update", subscribers.update),
    route("GET subscribers/{list}", "subscribers.details", subscribers.details),
    route("DELETE subscribers/{list}", "subscribers.delete", subscribers.delete),
    route("POST subscribers/{list}/unsubscribe", "subscribers.unsubscribe", subscribers.unsubscribe_one),
    route("GET subscribers/{list}/history", "subscribers.history", subscribers.history),
    *(
        route(
            f"GET lists/{{list}}/{state.value.lower()}", f"lists.{state.value.lower()}", lists.listing(state)
        )
        for state in State
    ),
    route("POST lists/{client}", "lists.create", lists.create_list),
    route("GET lists/{list}", "lists.details", lists.details),
    route("PUT lists/{list}", "lists.update", lists.update_list),
    route("DELETE lists/{list}", "lists.delete", lists.delete_list),
    route("GET lists/{list}/stats", "lists.stats", lists.stats),
    route("GET lists/{list}/segments", "lists.segments", lists.no_segments),
    route("GET lists/{list}/customfields", "fields.list", fields.list_fields),
    route("POST lists/{list}/customfields", "fields.create", fields.create_field),
    route("PUT lists/{list}/customfields/{key}", "fields.update", fields.update_field),
    route("DELETE lists/{list}/customfields/{key}", "fields.delete", fields.delete_field),
    route("PUT lists/{list}/customfields/{key}/options", "fields.options", fields.update_options),
    route("GET lists/{list}/webhooks", "webhooks.list", webhooks.list_webhooks),
    route("POST lists/{list}/webhooks", "webhooks.create", webhooks.create_webhook),
    route("DELETE lists/{list}/webhooks/{webhook}", "webhooks.delete", webhooks.delete_webhook),
    route("PUT lists/{list}/webhooks/{webhook}/activate", "webhooks.activate", webhooks.activate),
    route("PUT lists/{list}/webhooks/{webhook}/deactivate", "webhooks.deactivate", webhooks.deactivate),
    route("GET systemdate", "account.systemdate", clients.system_date),
    route("GET billingdetails", "account.billing", clients.billing),
    route("GET clients", "clients.list", clients.list_clients),
    route("GET clients/{client}", "clients.details", clients.details),
    route("GET clients/{client}/lists", "clients.lists", clients.list_lists),
    route("GET clients/{client}/listsforemail", "clients.listsforemail", clients.lists_for_email),
    route("GET clients/{client}/segments", "clients.segments", clients.no_segments),
    route("GET clients/{client}/suppressionlist", "clients.suppressionlist", clients.suppression_list),
    route("POST clients/{client}/suppress", "clients.suppress", clients.suppress_people),
    route("PUT clients/{client}/unsuppress", "clients.unsuppress", clients.unsuppress),
]


def find(method: str, path: str) -> tuple[Route, dict[str, str]] | None:
    """The route of a path without its .json or .xml, and what the path names."""
    for candidate in ROUTES:
        if candidate.method == method:
            found = candidate.pattern.fullmatch(path)
            if found is not None:
                return candidate, {name: unquote(value) for name, value in found.groupdict().items()}
    return None


def serve(core: Core, request: Request, path: str) -> Any:
    """Authentication, then routing, then ownership; the endpoint binds, checks and acts."""
    visible = authenticate(core, request.headers.get("authorization", ""))
    found = find(request.method, path)
    if found is None:
        raise Refused(404)
    matched, params = found
    ask = Ask(core, request, params, visible)
    resolve(core, ask, params)
    return matched.endpoint(ask)


def authenticate(core: Core, header: str) -> list[str] | None:
    """The clients the credentials see, None for all of them. No header and a wrong key look the same."""
    scheme, _, value = header.partition(" ")
    if scheme.lower() == "bearer":
        standing = core.world.tokens.get(value.strip(), "")
        if standing != "valid":
            raise Refused(TOKEN_CODES.get(standing, 120))
        return None
    key = basic_user(value) if scheme.lower() == "basic" else ""
    if key not in core.world.keys:
        raise Refused(100)
    return core.world.keys[key]


def basic_user(value: str) -> str:
    try:
        return base64.b64decode(value, validate=True).decode().partition(":")[0]
    except (binascii.Error, UnicodeDecodeError):
        return ""


def resolve(core: Core, ask: Ask, params: Mapping[str, str]) -> None:
    """The list and the client of the path; an unknown one and somebody else's look the same."""
    if "list" in params:
        lst = core.world.lists.get(params["list"].lower())
        if lst is None or not sees(ask, lst.client_id):
            code, status = core.knobs.unknown_list.split("/")
            raise Refused(int(code), status=int(status))
        ask.list_, ask.client_ = lst, core.client_of(lst)
    elif "client" in params:
        client = core.world.clients.get(params["client"].lower())
        if client is None or not sees(ask, client.id):
            raise Refused(102)
        ask.client_ = client


def sees(ask: Ask, client_id: str) -> bool:
    return ask.visible is None or client_id in ask.visible
