"""The base class of every endpoint, and the endpoints that belong to no domain."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any, ClassVar

import msgspec
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from rest_framework.request import Request
from rest_framework.views import APIView

from syncapp.accounts import scope
from syncapp.accounts.keys import Client
from syncapp.api import bodies, limits
from syncapp.api.admission import admit, client_of
from syncapp.api.authentication import no_valid_key
from syncapp.api.paths import to_text
from syncapp.api.problems import Problem, invalid_parameter

JSON = "application/json"


class ApiView(APIView):
    """Every answer is JSON; the handler runs inside the scope of the key's account.

    `scopes`: per method the scope a key needs; `any_of`: one of these, and which one is the view's matter.
    `query`: per method the query parameters there are; others are refused, for a misspelt `dry_run` must not
    delete. HEAD is as GET. Views answer with a plain HttpResponse (`json`) and read bodies with
    `syncapp.api.bodies`, so that nothing large hangs on the request.
    """

    scopes: ClassVar[Mapping[str, str]] = {}
    any_of: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    query: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    gated: ClassVar[bool] = True  # whether the account's switch for the whole API closes this too
    http_method_names = ["get", "head", "post", "put", "patch", "delete"]

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        with ExitStack() as self.scope:
            return super().dispatch(request, *args, **kwargs)

    def perform_authentication(self, request: Request) -> None:
        """Once, and before anything else is refused: every answer to a known client tells its quota."""
        if client_of(request._request) is not None:
            return
        super().perform_authentication(request)
        self.scope.enter_context(scope.account(self.client.account_id))
        admit(request._request, self.client, gated=self.gated)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        self.perform_authentication(request)
        bodies.refuse_oversize(request._request)
        super().initial(request, *args, **kwargs)
        method = "GET" if request.method == "HEAD" else str(request.method)
        if hasattr(self, method.lower()):
            self.check_parameters(request._request, method)

    def check_parameters(self, request: HttpRequest, method: str) -> None:
        check_query(request, self.query.get(method, ()))

    @property
    def client(self) -> Client:
        if not isinstance(self.request.auth, Client):
            raise no_valid_key()
        return self.request.auth


def json(data: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> HttpResponse:
    return HttpResponse(
        msgspec.json.encode(data), status=status, content_type=JSON, headers=dict(headers or {})
    )


def check_query(request: HttpRequest, known: tuple[str, ...]) -> None:
    for name, values in request.GET.lists():
        if name not in known:
            raise invalid_parameter(
                name, f"There is no such parameter here. Known: {', '.join(known) or 'none'}."
            )
        if len(values) > 1:
            raise invalid_parameter(name, "This parameter may be given once.")
        if "\x00" in values[0]:
            raise invalid_parameter(name, "The character U+0000 is not allowed.")


def flag(request: HttpRequest, name: str) -> bool:
    """A query parameter that is true or false; absent is false, anything else is refused."""
    given = request.GET.get(name, "false")
    if given not in ("true", "false"):
        raise invalid_parameter(name, "Say true or false.")
    return given == "true"


def whole_number(request: HttpRequest, name: str, default: int, least: int, most: int) -> int:
    given = request.GET.get(name)
    if given is None:
        return default
    if not (given.isascii() and given.isdigit() and len(given) <= 9 and least <= int(given) <= most):
        raise invalid_parameter(name, f"Give a whole number from {least} to {most}.")
    return int(given)


def to_external_id(request: HttpRequest, segment: str, parameter: str = "external_id") -> str:
    """The caller's own id from the path, verbatim. `-` with `?external_id=` is for proxies that decode `%2F`."""
    if segment == "-" and parameter in request.GET:
        value = request.GET[parameter]
    else:
        try:
            value = to_text(segment)
        except UnicodeDecodeError as error:
            raise Problem("invalid_external_id", "The id in the path is not UTF-8.") from error
    if not is_external_id(value):
        raise Problem(
            "invalid_external_id",
            f"An external id has 1 to {limits.EXTERNAL_ID_CHARS} characters, is not “.” or “..”, and has no U+0000.",
        )
    return value


def is_external_id(value: str) -> bool:
    return 1 <= len(value) <= limits.EXTERNAL_ID_CHARS and value not in (".", "..") and "\x00" not in value
