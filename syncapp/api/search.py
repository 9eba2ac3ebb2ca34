"""What the documentation's search looks through, in the browser: pages, their sections, operations, codes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.template.loader import render_to_string
from django.utils.html import strip_tags
from msgspec import Struct

from syncapp.api import catalogue, guide
from syncapp.api.reading import Operation

SECTION = re.compile(r'<h2 id="([\w-]+)">(.*?)</h2>(.*?)(?=<h2 |</article>)', re.DOTALL)
TEXT_CHARS = 400


class Entry(Struct):
    """`text` is searched and not shown; `words` is shown below the title."""

    title: str
    url: str
    words: str
    text: str = ""


def entries(operations: list[Operation]) -> list[Entry]:
    found: list[Entry] = []
    for page in guide.pages():
        found.append(Entry(page.title, page.url, page.group, page.summary))
        found.extend(sections(page))
        found.extend(
            Entry(
                one.summary,
                f"{page.url}#{one.id}",
                f"{one.method} {one.path}",
                strip_tags(one.words)[:TEXT_CHARS],
            )
            for one in operations
            if page.tag and one.tag == page.tag
        )
    found.extend(
        Entry(
            kind.code,
            (kind.type_uri and f"{guide.ROOT}errors#{kind.code}") or kind.type,
            kind.title,
            kind.docs,
        )
        for kind in catalogue.KINDS
    )
    return found


def sections(page: guide.Page) -> Iterator[Entry]:
    """The headings of a page's own text."""
    context: dict[str, Any] = {
        "page": page,
        "operations": [],
        "site_name": settings.SITE_NAME,
        **page.context(),
    }
    html = render_to_string(page.template, context)
    for anchor, heading, text in SECTION.findall(html):
        words = " ".join(strip_tags(text).split())[:TEXT_CHARS]
        yield Entry(strip_tags(heading), f"{page.url}#{anchor}", page.title, words)
