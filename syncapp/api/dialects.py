"""How errors are written: problem+json, except below addresses that speak another system's language.

Whoever owns such a compatible door registers it when the app starts; this module knows none of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.http import HttpRequest, HttpResponse

from syncapp.api.paths import raw_path

if TYPE_CHECKING:
    from syncapp.api.problems import Problem

Write = Callable[["Problem", HttpRequest], HttpResponse]


@dataclass(frozen=True, slots=True)
class Dialect:
    """Errors below `prefix` are made by `write`; an error of another media type is a page of Django's to replace."""

    prefix: str
    media_types: tuple[str, ...]
    write: Write


_dialects: dict[str, Dialect] = {}


def register(dialect: Dialect) -> None:
    _dialects[dialect.prefix] = dialect


def dialect_of(request: HttpRequest) -> Dialect | None:
    """None where problem+json is spoken."""
    path = raw_path(request)
    return next((found for prefix, found in _dialects.items() if path.startswith(prefix)), None)
