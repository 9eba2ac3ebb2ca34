"""Errors as Activate tells them: `{"errors": ["…"]}`."""

from __future__ import annotations

import msgspec
from django.http import HttpRequest, HttpResponse

from syncapp.api.dialects import Dialect, register
from syncapp.api.problems import Problem

PREFIX = "/compat/activate/"
JSON = "application/json"
# Statuses that keep their meaning; every other refusal of a call is Activate's 400.
KEPT = frozenset({401, 403, 404, 405, 413, 415, 429})


def write(problem: Problem, request: HttpRequest) -> HttpResponse:
    status = problem.kind.status
    if status < 500 and status not in KEPT:
        status = 400
    headers = {name: value for name, value in problem.headers.items() if name != "WWW-Authenticate"}
    return HttpResponse(
        msgspec.json.encode({"errors": [problem.detail]}), status=status, content_type=JSON, headers=headers
    )


def register_dialect() -> None:
    register(Dialect(PREFIX, (JSON,), write))
