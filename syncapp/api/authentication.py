"""Who calls, and whether the key may. Imports no `rest_framework.views`: settings name these classes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from django.http import HttpRequest
from rest_framework.authentication import BaseAuthentication
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from syncapp.accounts import keys
from syncapp.api import tokens
from syncapp.api.problems import Problem

if TYPE_CHECKING:
    from rest_framework.views import APIView

CHALLENGE = 'Bearer realm="api"'


class KeyAuthentication(BaseAuthentication):
    """`Authorization: Bearer` with a key or an access token; `request.auth` becomes a `keys.Client`."""

    def authenticate(self, request: Request) -> tuple[None, keys.Client]:
        return None, identify(request._request)

    def authenticate_header(self, request: Request) -> str:
        return CHALLENGE


def identify(request: HttpRequest) -> keys.Client:
    """The client whose credential the call shows, or 401. Replays of the inspector bring their client along."""
    if (client := replaying_client(request)) is not None:
        return client
    scheme, _, shown = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
    shown = shown.strip() if scheme.lower() == "bearer" else ""
    try:
        return tokens.check(shown) if shown.startswith(tokens.PREFIX) else keys.check(shown)
    except tokens.Expired as error:
        raise token_expired() from error
    except keys.Refused as error:
        request.api_refused = error.stored  # type: ignore[attr-defined]
        raise no_valid_key() from error


def replaying_client(request: HttpRequest) -> keys.Client | None:
    """Set by `replays.replay` on a request it made itself; nothing that is sent can set it."""
    return getattr(request, "replay_as", None)


def no_valid_key() -> Problem:
    return Problem(
        "invalid_credentials",
        "Send a valid API key: Authorization: Bearer ak_live_…",
        headers={"WWW-Authenticate": CHALLENGE},
    )


def token_expired() -> Problem:
    return Problem(
        "token_expired",
        "This access token has expired; get another from /api/oauth/token.",
        headers={"WWW-Authenticate": f'{CHALLENGE}, error="invalid_token", error_description="expired"'},
    )


class HasScope(BasePermission):
    """The view's `scopes` say per method what a key needs."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        needed: dict[str, str] = getattr(view, "scopes", {})
        method = "GET" if request.method == "HEAD" else str(request.method)
        if method in needed:
            require_scope(request.auth, needed[method])
        any_of: dict[str, tuple[str, ...]] = getattr(view, "any_of", {})
        if method in any_of:
            require_any_scope(request.auth, any_of[method])
        return True


def require_any_scope(client: Any, scopes: Sequence[str]) -> None:
    """403 naming the first one where the key has none of them."""
    if not any(scope in getattr(client, "scopes", ()) for scope in scopes):
        require_scope(client, scopes[0])


def require_scope(client: Any, scope: str) -> None:
    """403 naming the scope. An absent client is refused too: no view can forget to authenticate."""
    if not isinstance(client, keys.Client):
        raise no_valid_key()
    if scope not in client.scopes:
        raise Problem(
            "insufficient_scope",
            f"This key lacks the scope {scope}.",
            headers={"WWW-Authenticate": f'{CHALLENGE}, error="insufficient_scope", scope="{scope}"'},
            scope=scope,
        )
