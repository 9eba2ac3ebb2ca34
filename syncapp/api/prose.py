"""The little Markdown that descriptions of operations and errors are written in, as HTML.

Paragraphs, lists with `- `, `code`, **bold** and [links](/to/somewhere). Everything else stays as it is typed.
"""

from __future__ import annotations

import re

from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

CODE = re.compile(r"`([^`]+)`")
BOLD = re.compile(r"\*\*([^*]+)\*\*")
LINK = re.compile(r"\[([^\]]+)\]\(((?:/|#|https://)[^)\s]*)\)")
ITEM = re.compile(r"^- ", re.MULTILINE)


def to_html(text: str) -> SafeString:
    blocks = re.split(r"\n\s*\n", text.strip())
    return mark_safe("\n".join(to_block(block) for block in blocks if block))  # noqa: S308  escaped in to_inline


def to_block(block: str) -> str:
    """A list, also when a paragraph goes straight into it."""
    first, *items = ITEM.split(block)
    words = f"<p>{to_inline(first)}</p>" if first.strip() else ""
    entries = "".join(f"<li>{to_inline(item)}</li>" for item in items)
    return words + (f"<ul>{entries}</ul>" if entries else "")


def to_inline(text: str) -> SafeString:
    """Code is taken out first: nothing inside it is marked up."""
    pieces = CODE.split(" ".join(text.split()))
    html = [
        f"<code>{escape(piece)}</code>" if is_code else to_marked_up(piece)
        for piece, is_code in zip(pieces, (number % 2 == 1 for number in range(len(pieces))), strict=True)
    ]
    return mark_safe("".join(html))  # noqa: S308  every piece was escaped


def to_marked_up(text: str) -> str:
    escaped = BOLD.sub(r"<strong>\1</strong>", escape(text))
    return LINK.sub(r'<a href="\2">\1</a>', escaped)
