"""The pages of the documentation. Whoever owns a resource registers its page; this module knows none of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

ROOT = "/api/docs/"
GROUPS = ("Start", "Concepts", "Reference", "Compatible doors", "About")


def nothing() -> dict[str, Any]:
    return {}


@dataclass(frozen=True, slots=True)
class Page:
    """One page at `/api/docs/<slug>`.

    `template` extends `api/guide.html`. The operations of `tag` are shown below its text. `context` gives what
    the template needs beyond that; it is called for every answer. `place` orders pages within their group.
    """

    slug: str
    title: str
    group: str
    template: str
    tag: str = ""
    summary: str = ""
    place: int = 50
    context: Callable[[], dict[str, Any]] = field(default=nothing, compare=False)

    @property
    def url(self) -> str:
        return ROOT + self.slug


_pages: dict[str, Page] = {}


def register(page: Page) -> None:
    if page.group not in GROUPS:
        raise ValueError(f"There is no group “{page.group}” of pages: {', '.join(GROUPS)}.")
    if _pages.setdefault(page.slug, page) != page:
        raise ValueError(f"There is a page “{page.slug}” already.")


def pages() -> list[Page]:
    """All pages in reading order."""
    return sorted(_pages.values(), key=lambda page: (GROUPS.index(page.group), page.place, page.title))


def find(slug: str) -> Page | None:
    return _pages.get(slug)


def groups() -> list[tuple[str, list[Page]]]:
    """For the navigation; groups without pages are left out."""
    found = [(group, [page for page in pages() if page.group == group]) for group in GROUPS]
    return [(group, members) for group, members in found if members]


def neighbours(page: Page) -> tuple[Page | None, Page | None]:
    """The page before and the page after."""
    order = pages()
    at = order.index(page)
    return order[at - 1] if at > 0 else None, order[at + 1] if at + 1 < len(order) else None
