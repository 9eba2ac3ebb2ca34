"""Writes who and where into every event that a request of the admin causes."""

from __future__ import annotations

from collections.abc import Callable

import pghistory
from django.http import HttpRequest, HttpResponseBase

READS = frozenset({"GET", "HEAD", "OPTIONS"})


class WhoAndWhereMiddleware:
    """Adds {"user": id, "url": path}.

    The API's bulk statements stay untouched: its views name their key.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.method in READS or request.path.startswith(("/api/", "/compat/")):
            return self.get_response(request)
        user_id = request.user.pk if request.user.is_authenticated else None
        with pghistory.context(user=user_id, url=request.path):
            return self.get_response(request)
