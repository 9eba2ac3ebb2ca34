"""Cells of CSV files that people open in a spreadsheet."""

from __future__ import annotations

FORMULA_BEGINS = ("=", "+", "-", "@", "\t", "\r", "\n")


def to_safe_cell(text: str) -> str:
    """A text that a spreadsheet would take for a formula begins with an apostrophe, and is shown as it is."""
    return f"'{text}" if text.startswith(FORMULA_BEGINS) else text
