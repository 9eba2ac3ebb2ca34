"""Choices that come from an ESP: the stored one is always among them, as an ESP that is down must not lose it."""

from __future__ import annotations

from collections.abc import Sequence


def stored_first(
    offered: Sequence[tuple[str, str]], stored: str, stored_label: str, *, empty: str = "— choose —"
) -> list[tuple[str, str]]:
    """For a select: nothing, then the stored one when the ESP did not name it, then what it did."""
    choices = [("", empty)]
    if stored and stored not in dict(offered):
        choices.append((stored, f"{stored_label or stored} (stored)"))
    return [*choices, *offered]
