"""The dashboard: figures and panels that packages register, about the clients in view only."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from django.contrib.humanize.templatetags.humanize import intcomma
from django.http import HttpRequest
from django.utils import timezone


@dataclass(frozen=True, slots=True)
class Figure:
    """One number that opens the list behind it.

    `tone`: "", good, warn or bad; the note says what is counted.
    """

    label: str
    value: str
    url: str
    note: str = ""
    icon: str = ""
    tone: str = ""


@dataclass(frozen=True, slots=True)
class Panel:
    """A block with a template of its own. `side`: in the narrow column."""

    title: str
    template: str
    context: dict[str, Any] = field(default_factory=dict)
    side: bool = False
    url: str = ""
    url_words: str = ""


FigureMaker = Callable[[HttpRequest], Figure | None]
PanelMaker = Callable[[HttpRequest], Panel | None]
_figures: list[tuple[int, FigureMaker]] = []
_panels: list[tuple[int, PanelMaker]] = []


def figure(position: int) -> Callable[[FigureMaker], FigureMaker]:
    """Register a figure; small positions come first. Return None to leave it out."""

    def register(make: FigureMaker) -> FigureMaker:
        _figures.append((position, make))
        return make

    return register


def panel(position: int) -> Callable[[PanelMaker], PanelMaker]:
    """Register a panel; small positions come first. Return None to leave it out."""

    def register(make: PanelMaker) -> PanelMaker:
        _panels.append((position, make))
        return make

    return register


def dashboard(request: HttpRequest) -> dict[str, Any]:
    figures = [make(request) for _, make in sorted(_figures, key=_position)]
    panels = [made for _, make in sorted(_panels, key=_position) if (made := make(request)) is not None]
    return {
        "figures": [made for made in figures if made is not None],
        "panels": [made for made in panels if not made.side],
        "side_panels": [made for made in panels if made.side],
        "as_of": timezone.now(),
    }


def _position(registered: tuple[int, Any]) -> int:
    return registered[0]


def counted(rows: Any, most: int) -> str:
    """How many rows, counted no further than `most`: "10,000+" is honest where a full count would be
    slow.
    """
    found = rows.order_by()[: most + 1].count()
    return f"{intcomma(most)}+" if found > most else intcomma(found)
