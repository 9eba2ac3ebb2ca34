"""`POST /api/oauth/token`: the client credentials grant (RFC 6749 section 4.4). Errors are as it has them."""

from __future__ import annotations

import base64
import binascii
from typing import Any
from urllib.parse import parse_qsl, unquote_plus

import msgspec
from django.http import HttpRequest, HttpResponse
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.debug import sensitive_variables

from syncapp.accounts import keys, scope
from syncapp.accounts.keys import Client, Refused
from syncapp.api import attempts, bodies, dialects, problems, tokens
from syncapp.api.addresses import caller_of
from syncapp.api.admission import admit
from syncapp.api.problems import Problem

PREFIX = "/api/oauth/"
JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
BODY_BYTES = 8192
CHALLENGE = 'Basic realm="api"'
TOO_MANY = "temporarily_unavailable"


class OAuthError(Exception):
    def __init__(
        self, error: str, description: str, status: int = 400, headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(description)
        self.error = error
        self.description = description
        self.status = status
        self.headers = headers or {}


@method_decorator(csrf_exempt, name="dispatch")
class TokenView(View):
    http_method_names = ["post"]

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        request.api_private = True  # type: ignore[attr-defined]  # nothing of it goes into the log of calls
        try:
            return super().dispatch(request, *args, **kwargs)  # type: ignore[return-value]
        except OAuthError as error:
            return to_response(error.error, error.description, error.status, error.headers)
        except Problem as problem:
            return problems.to_response(problem, request)

    @sensitive_variables()
    def post(self, request: HttpRequest) -> HttpResponse:
        form = read_form(request)
        client_id, secret = credentials_of(request, form)
        check_grant(form)
        client = check_client(request, client_id, secret)
        scopes = narrow(client, form.get("scope"))
        with scope.account(client.account_id):
            admit(request, client, gated=False)
            token = tokens.issue(client, scopes)
        answer = {
            "access_token": token,
            "token_type": "Bearer",
            "expires_in": tokens.LIFE_S,
            "scope": " ".join(sorted(scopes)),
        }
        return HttpResponse(msgspec.json.encode(answer), content_type=JSON, headers={"Pragma": "no-cache"})


def read_form(request: HttpRequest) -> dict[str, str]:
    media_type = request.META.get("CONTENT_TYPE", "").partition(";")[0].strip().lower()
    if media_type != FORM:
        raise OAuthError("invalid_request", f"Send the body as {FORM}.")
    try:
        body = bodies.read_capped(bodies.source_of(request), BODY_BYTES)
        pairs = parse_qsl(body.decode(), keep_blank_values=True, strict_parsing=True, max_num_fields=20)
    except Problem as problem:
        raise OAuthError("invalid_request", problem.detail, problem.kind.status) from problem
    except ValueError as error:
        raise OAuthError("invalid_request", "The body is not a valid form.") from error
    form = dict(pairs)
    if len(form) != len(pairs):
        raise OAuthError("invalid_request", "A parameter is given twice.")
    return form


def credentials_of(request: HttpRequest, form: dict[str, str]) -> tuple[str, str]:
    """(client id, secret) of the header or of the body; both at once are refused."""
    scheme, _, encoded = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
    if scheme.lower() != "basic":
        if not form.get("client_id") or not form.get("client_secret"):
            raise unknown_client("Send client_id and client_secret, as HTTP Basic or in the body.")
        return form["client_id"], form["client_secret"]
    if "client_secret" in form:
        raise OAuthError("invalid_request", "Credentials are in the header and in the body; send them once.")
    try:
        written = base64.b64decode(encoded.strip(), validate=True).decode()
    except (binascii.Error, ValueError) as error:
        raise unknown_client("The Authorization header is not valid Basic.") from error
    client_id, _, secret = written.partition(":")
    if form.get("client_id", unquote_plus(client_id)) != unquote_plus(client_id):
        raise OAuthError("invalid_request", "Header and body name different clients.")
    return unquote_plus(client_id), unquote_plus(secret)


def check_grant(form: dict[str, str]) -> None:
    if "grant_type" not in form:
        raise OAuthError("invalid_request", "grant_type is missing; send client_credentials.")
    if form["grant_type"] != "client_credentials":
        raise OAuthError("unsupported_grant_type", "Only client_credentials is supported.")


@sensitive_variables("secret")
def check_client(request: HttpRequest, client_id: str, secret: str) -> Client:
    """`client_id` is the eight characters in a key's middle, the secret what follows; the whole key is fine too."""
    who = (caller_of(request), client_id)
    if wait_s := attempts.begin(*who):
        words = "Too many tries for this client from your address."
        raise OAuthError(TOO_MANY, words, 429, {"Retry-After": str(wait_s)})
    try:
        prefix, only = keys.parts(secret) if secret.startswith("ak_live_") else (client_id, secret)
        if prefix != client_id.removeprefix("ak_live_"):
            raise Refused
        client = keys.check_pair(prefix, only)
    except Refused as refused:
        request.api_refused = refused.stored  # type: ignore[attr-defined]
        raise unknown_client("Unknown client, wrong secret, or the key has ended.") from refused
    attempts.forgive(*who)
    return client


def unknown_client(description: str) -> OAuthError:
    return OAuthError("invalid_client", description, 401, {"WWW-Authenticate": CHALLENGE})


def narrow(client: Client, wanted: str | None) -> frozenset[str]:
    """The scopes asked for, or all the key has. A scope the key lacks is refused, not silently dropped."""
    if wanted is None:
        return client.scopes
    scopes = frozenset(wanted.split())
    if not scopes or not scopes <= client.scopes:
        missing = ", ".join(sorted(scopes - client.scopes)) or "none named"
        raise OAuthError("invalid_scope", f"The key lacks: {missing}.")
    return scopes


def to_response(error: str, description: str, status: int, headers: dict[str, str]) -> HttpResponse:
    body = {"error": error, "error_description": printable(description)}
    return HttpResponse(msgspec.json.encode(body), status=status, content_type=JSON, headers=headers)


def printable(words: str) -> str:
    """As RFC 6749 wants descriptions: ASCII without quotes and backslashes."""
    return "".join(letter for letter in words if " " <= letter <= "~" and letter not in '"\\')


def write(problem: Problem, request: HttpRequest) -> HttpResponse:
    """Problems of the ground below these addresses, in OAuth's words."""
    status = problem.kind.status
    codes = {401: "invalid_client", 403: "unauthorized_client", 429: TOO_MANY}
    error = codes.get(status, "server_error" if status >= 500 else "invalid_request")
    return to_response(error, problem.detail, status, dict(problem.headers))


dialects.register(dialects.Dialect(PREFIX, (JSON,), write))
