"""What holds for every answer under /api/ and /compat/, also where no view of ours was reached.

It stands first: it gives the request its id, and turns every error page of Django into problem+json, or what the
door speaks (`dialects`).
"""

from __future__ import annotations

import secrets
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from syncapp.api import catalogue
from syncapp.api.dialects import dialect_of
from syncapp.api.paths import PREFIXES, raw_path, to_routable
from syncapp.api.problems import MEDIA_TYPE, Problem, to_response

CONTENT_SECURITY_POLICY = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"


class ApiMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        path = raw_path(request)
        if not is_ours(path):
            return self.get_response(request)
        request.request_id = f"req_{secrets.token_hex(12)}"  # type: ignore[attr-defined]
        request.path_info = to_routable(path)
        response = self.answer(request)
        response.headers["X-Request-Id"] = request.request_id  # type: ignore[attr-defined]
        response.headers.setdefault("Content-Security-Policy", CONTENT_SECURITY_POLICY)
        response.headers.setdefault("Cache-Control", "no-store")
        response.headers.setdefault("X-Content-Type-Options", "nosniff")
        return response

    def answer(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if response.status_code >= 400 and not is_written(response, request):
            return to_problem(response, request)
        return response


def is_ours(path: str) -> bool:
    return f"{path}/".startswith(PREFIXES)


def is_written(response: HttpResponse, request: HttpRequest) -> bool:
    """Whether the error is in a form of ours already."""
    dialect = dialect_of(request)
    forms = (MEDIA_TYPE,) if dialect is None else dialect.media_types
    return response.headers.get("Content-Type") in forms


def to_problem(response: HttpResponse, request: HttpRequest) -> HttpResponse:
    """Replace an error page by its problem; headers like Allow stay."""
    kind = catalogue.of_status(response.status_code)
    kept = {name: value for name, value in response.headers.items() if name in ("Allow", "Retry-After")}
    return to_response(Problem(kind.code, kind.docs, headers=kept), request)
