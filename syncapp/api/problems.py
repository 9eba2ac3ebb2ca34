"""Errors as `application/problem+json` (RFC 9457), or as the door writes them that was called."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from django.http import HttpRequest, HttpResponse

from syncapp.api import catalogue
from syncapp.api.dialects import dialect_of
from syncapp.api.paths import raw_path

MEDIA_TYPE = "application/problem+json"


class Problem(Exception):
    """An answer of 400 or above. `extra` become members of the body."""

    def __init__(
        self, code: str, detail: str, *, headers: Mapping[str, str] | None = None, **extra: Any
    ) -> None:
        super().__init__(detail)
        self.kind = catalogue.BY_CODE[code]
        self.detail = detail
        self.headers = dict(headers or {})
        self.extra = extra


def invalid(pointer: str, detail: str, code: str = "invalid") -> Problem:
    """422 for one place of the body; `pointer` is a JSON Pointer (RFC 6901)."""
    return Problem("validation_failed", detail, errors=[{"pointer": pointer, "code": code, "detail": detail}])


def invalid_parameter(name: str, detail: str) -> Problem:
    """422 for one query parameter."""
    return Problem(
        "validation_failed", detail, errors=[{"parameter": name, "code": "invalid", "detail": detail}]
    )


def to_response(problem: Problem, request: HttpRequest) -> HttpResponse:
    dialect = dialect_of(request)
    response = to_problem_json(problem, request) if dialect is None else dialect.write(problem, request)
    response.api_code = problem.kind.code  # type: ignore[attr-defined]  # for the log of calls
    return response


def to_problem_json(problem: Problem, request: HttpRequest) -> HttpResponse:
    kind = problem.kind
    body = {
        "type": kind.type,
        "title": kind.title,
        "status": kind.status,
        "detail": problem.detail,
        "instance": raw_path(request),
        "code": kind.code,
        "request_id": request_id_of(request),
        "retryable": kind.retryable,
        **problem.extra,
    }
    return HttpResponse(
        msgspec.json.encode(body), status=kind.status, content_type=MEDIA_TYPE, headers=problem.headers
    )


def request_id_of(request: HttpRequest) -> str:
    return str(getattr(request, "request_id", ""))
