"""DRF's door to problem+json."""

from __future__ import annotations

import logging
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import OperationalError
from django.http import Http404, HttpResponse
from rest_framework.exceptions import APIException

from syncapp.api import catalogue
from syncapp.api.problems import Problem, to_response

logger = logging.getLogger(__name__)


def handle(error: Exception, context: dict[str, Any]) -> HttpResponse | None:
    """The answer, or None for what is our fault: Django then logs it, and the middleware answers 500."""
    problem = to_problem(error)
    return to_response(problem, context["request"]._request) if problem else None


def to_problem(error: Exception) -> Problem | None:
    if isinstance(error, Problem):
        return error
    if isinstance(error, APIException):
        kind = catalogue.of_status(error.status_code)
        wait_s = getattr(error, "wait", None)
        headers = {} if wait_s is None else {"Retry-After": str(wait_s)}
        return Problem(kind.code, kind.docs, headers=headers)
    if isinstance(error, Http404):
        return Problem("not_found", catalogue.BY_CODE["not_found"].docs)
    if isinstance(error, PermissionDenied):
        return Problem("forbidden", catalogue.BY_CODE["forbidden"].docs)
    if isinstance(error, OperationalError):
        return unavailable(error)
    return None


def unavailable(error: OperationalError) -> Problem | None:
    """A database that is away, or waited for too long, is worth another try; other faults of SQL are ours."""
    state = getattr(error.__cause__, "sqlstate", None)
    logger.warning("The database could not answer a call: %s", error)
    if state is None or state[:2] in ("08", "53", "55", "57") or state in ("40001", "40P01"):
        return Problem(
            "temporarily_unavailable", "Repeat the call after a moment.", headers={"Retry-After": "2"}
        )
    return None
