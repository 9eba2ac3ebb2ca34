"""Every request of a signed-in user runs in the scope of that user's accounts, and of nothing else."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponseBase
from django.utils import timezone

from syncapp.accounts import scope
from syncapp.accounts.access import NOBODY, access_of

SELECTED = "selected_client"
API_PREFIXES = ("/api/", "/compat/")  # these paths enter the scope of their key

Respond = Callable[[HttpRequest], HttpResponseBase]


class ScopeMiddleware:
    """Sets `request.access`, `request.account` (selected, or None for all), `request.roles`; enters the
    scope.

    Memberships are read anew for each request: an ended one is felt on the next. The response must be
    complete
    when the view returns; a stream that still reads rows would run outside the scope and raise.
    """

    def __init__(self, get_response: Respond) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.path.startswith(API_PREFIXES):
            return self.get_response(request)
        user = request.user
        access = access_of(user, request.session.get(SELECTED)) if user.is_authenticated else NOBODY
        request.access = access  # type: ignore[attr-defined]
        request.account = access.selected  # type: ignore[attr-defined]
        request.roles = access.roles  # type: ignore[attr-defined]
        zone = access.selected.zone if access.selected is not None else None
        with scope.accounts(access.account_ids), timezone.override(zone):
            return self.get_response(request)
