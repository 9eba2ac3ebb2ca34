"""The command palette: pages by title, and what registered sources find in the clients in view."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from django.http import HttpRequest
from unfold.dataclasses import SearchResult

from syncapp.admin.navigation import navigation

Source = Callable[[HttpRequest, str], Iterable[SearchResult]]
TERM_CHARS = 100
_sources: list[Source] = []


def source(find: Source) -> Source:
    """Register a finder: at most some eight results for a term, from rows in scope, by index."""
    _sources.append(find)
    return find


def find(request: HttpRequest, term: str) -> list[SearchResult]:
    wanted = term.strip()[:TERM_CHARS]
    if wanted == "":
        return []
    return [*_pages(request, wanted.lower()), *(found for one in _sources for found in one(request, wanted))]


def _pages(request: HttpRequest, wanted: str) -> Iterator[SearchResult]:
    groups: list[dict[str, Any]] = navigation(request)
    for item in (item for group in groups for item in group["items"]):
        if wanted in item["title"].lower():
            yield SearchResult(title=item["title"], description="Page", link=item["link"], icon=item["icon"])
