"""Errors as Mail+ tells them: `{"errorType", "message"}`, as JSON or XML."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse

from audiences.compat.mailplus import formats
from syncapp.api.dialects import Dialect, register
from syncapp.api.problems import Problem

PREFIX = "/compat/mailplus/"

CONTACT_ALREADY_EXISTS = "CONTACT_ALREADY_EXISTS"
CONTACT_NOT_FOUND = "CONTACT_NOT_FOUND"
CONTACT_OPTOUT = "CONTACT_OPTOUT"
ID_NOTUNIQUE = "ID_NOTUNIQUE"
INVALID_PARAMS = "INVALID_PARAMS"
INVALID_PROPERTY = "INVALID_PROPERTY"
INVALID_STATE = "INVALID_STATE"
NAME_ALREADY_IN_USE = "NAME_ALREADY_IN_USE"
NOT_AUTHORIZED = "NOT_AUTHORIZED"
RESOURCE_NOT_FOUND = "RESOURCE_NOT_FOUND"
BACKEND_EXCEPTION = "BACKEND_EXCEPTION"

# Where the status alone does not say it.
OF_CODE = {
    "name_taken": (417, NAME_ALREADY_IN_USE),
    "external_id_taken": (417, ID_NOTUNIQUE),
    "audience_limit_reached": (417, INVALID_PARAMS),
    "contact_not_found": (404, CONTACT_NOT_FOUND),
    "erased": (404, CONTACT_NOT_FOUND),
}
OF_STATUS = {
    401: (403, NOT_AUTHORIZED),
    403: (403, NOT_AUTHORIZED),
    404: (404, RESOURCE_NOT_FOUND),
    405: (405, INVALID_PARAMS),
    409: (417, INVALID_STATE),
    413: (413, INVALID_PARAMS),
    415: (415, INVALID_PARAMS),
    429: (429, BACKEND_EXCEPTION),
}


class Failure(Exception):
    """An answer of 400 or above; `extra` become members of the body."""

    def __init__(self, status: int, error_type: str, message: str, **extra: Any) -> None:
        super().__init__(message)
        self.status, self.error_type, self.message, self.extra = status, error_type, message, extra


def to_failure(problem: Problem) -> Failure:
    kind = problem.kind
    otherwise = (kind.status, BACKEND_EXCEPTION) if kind.status >= 500 else (400, INVALID_PARAMS)
    status, error_type = OF_CODE.get(kind.code) or OF_STATUS.get(kind.status, otherwise)
    return Failure(status, error_type, to_message(problem))


def to_message(problem: Problem) -> str:
    """Mail+ has two members only: who uses an audience is told in words."""
    names = [str(usage.name) for usage in problem.extra.get("usages", ()) if hasattr(usage, "name")]
    return f"{problem.detail} Used by: {', '.join(names)}." if names else problem.detail


def write(problem: Problem, request: HttpRequest) -> HttpResponse:
    response = to_response(to_failure(problem), request)
    for name, value in problem.headers.items():
        if name != "WWW-Authenticate":
            response.headers[name] = value
    return response


def to_response(failure: Failure, request: HttpRequest) -> HttpResponse:
    body = {"errorType": failure.error_type, "message": failure.message, **failure.extra}
    response = formats.answer(request, "errorResponse", body, failure.status)
    response.api_code = failure.error_type  # type: ignore[attr-defined]  # for the log of calls
    return response


def register_dialect() -> None:
    register(Dialect(PREFIX, formats.MEDIA_TYPES, write))
