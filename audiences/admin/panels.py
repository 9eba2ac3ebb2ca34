"""What other packages show on a person's page.

They register here, so that this package never names them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from django.http import HttpRequest

from audiences.models import Profile


@dataclass(frozen=True, slots=True)
class Panel:
    """A block with a template of its own, which finds `context` as `panel`."""

    title: str
    template: str
    context: dict[str, Any] = field(default_factory=dict)


Maker = Callable[[HttpRequest, Profile], Panel | None]
_makers: list[Maker] = []


def person_panel(make: Maker) -> Maker:
    """Register a panel of the person page. It runs in the scope of the person's account."""
    _makers.append(make)
    return make


def panels_of(request: HttpRequest, profile: Profile) -> list[Panel]:
    return [made for make in _makers if (made := make(request, profile)) is not None]
