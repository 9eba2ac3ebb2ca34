"""The pages of the push inspector. Nothing here is cached, framed, or fetched from another host."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST, require_safe

from syncapp import secrets
from syncapp.accounts import scope
from syncapp.api import attempts
from syncapp.api.addresses import caller_of
from syncapp.api.inspector import finding, passes, replays, showing
from syncapp.api.models import ApiCall, InspectorToken

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
)
HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "Cache-Control": "no-store",
    "Referrer-Policy": "same-origin",
    "X-Robots-Tag": "noindex",
}
View = Callable[..., HttpResponse]


def inspecting(view: View) -> View:
    """The view gets the token, and runs in the scope of its account; without one the way leads to the door."""

    @wraps(view)
    def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        token = passes.current(request)
        if token is None:
            return finish(redirect("inspect"))
        with scope.account(token.account_id):
            return view(request, token, *args, **kwargs)

    return wrapped


@require_safe
def door(request: HttpRequest) -> HttpResponse:
    if passes.current(request) is not None:
        return finish(redirect("inspect-calls"))
    return page(request, "api/inspect.html", {})


@require_POST
@sensitive_post_parameters()
def enter(request: HttpRequest) -> HttpResponse:
    who = ("inspector", caller_of(request))
    if wait_s := attempts.begin(*who):
        return page(request, "api/inspect.html", {"problem": f"Too many tries. Wait {wait_s} seconds."}, 429)
    token = passes.check(request.POST.get("token", ""))
    if token is None:
        words = "This token is not valid: it is mistyped, or it has ended. Ask for a new one."
        return page(request, "api/inspect.html", {"problem": words}, 403)
    attempts.forgive(*who)
    response = finish(redirect("inspect-calls"))
    passes.begin(response, token)
    return response


@require_POST
def leave(request: HttpRequest) -> HttpResponse:
    response = finish(redirect("inspect"))
    passes.end(response)
    return response


@require_safe
@inspecting
def calls(request: HttpRequest, token: InspectorToken) -> HttpResponse:
    return page(request, "api/inspect_calls.html", {"token": token, **listed(request, token)})


@require_safe
@inspecting
def rows(request: HttpRequest, token: InspectorToken) -> HttpResponse:
    """The list alone, for the page that looks again every few seconds."""
    return page(request, "api/inspect_rows.html", listed(request, token))


def listed(request: HttpRequest, token: InspectorToken) -> dict[str, Any]:
    filters = finding.to_filters(request.GET)
    found = finding.find(token.account_id, token.key_id, filters)
    return {
        "filters": filters,
        "calls": found.calls,
        "next_before": found.next_before,
        "days": settings.API_CALLS_DAYS,
        "statuses": finding.OFFERED,
    }


@require_safe
@inspecting
def call(request: HttpRequest, token: InspectorToken, request_id: str) -> HttpResponse:
    return show_call(request, token, found_call(token, request_id))


@require_POST
def again(request: HttpRequest, request_id: str) -> HttpResponse:
    """Asks first where the call may destroy something. The replay enters the account's scope by itself."""
    token = passes.current(request)
    if token is None:
        return finish(redirect("inspect"))
    with scope.account(token.account_id):
        stored = found_call(token, request_id)
        if replays.is_destructive(stored) and request.POST.get("sure") != "yes":
            return page(request, "api/inspect_sure.html", {"token": token, "shown": showing.show(stored)})
    try:
        new_id = replays.replay(stored, token, request)
    except (replays.CannotReplay, secrets.CannotOpen) as error:
        with scope.account(token.account_id):
            return show_call(request, token, stored, str(error), 409)
    return finish(redirect("inspect-call", new_id))


def found_call(token: InspectorToken, request_id: str) -> ApiCall:
    stored = finding.one(token.account_id, token.key_id, request_id)
    if stored is None:
        raise Http404
    return stored


def show_call(
    request: HttpRequest, token: InspectorToken, stored: ApiCall, problem: str = "", status: int = 200
) -> HttpResponse:
    shown = showing.show(stored)
    context = {
        "token": token,
        "shown": shown,
        "call": stored,
        "obstacle": replays.obstacle(stored, shown.kept),
        "asks_first": replays.is_destructive(stored),
        "writes": stored.method in replays.WRITES,
        "problem": problem,
    }
    return page(request, "api/inspect_call.html", context, status)


def page(request: HttpRequest, template: str, context: dict[str, Any], status: int = 200) -> HttpResponse:
    return finish(render(request, template, {"site_name": settings.SITE_NAME, **context}, status=status))


def finish(response: HttpResponse) -> HttpResponse:
    for name, value in HEADERS.items():
        response.headers[name] = value
    return response
