"""What changed in the API and when: `changelog.toml`, newest entry first."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path

from django.utils.safestring import SafeString

from syncapp.api.prose import to_inline

FILE = Path(__file__).with_name("changelog.toml")
KINDS = ("added", "changed", "deprecated", "removed", "fixed")


@dataclass(frozen=True, slots=True)
class Entry:
    """`changes`: (kind, words) in the order of the file."""

    date: date
    title: str
    changes: tuple[tuple[str, SafeString], ...]


@cache
def entries() -> tuple[Entry, ...]:
    """All entries. Raises ValueError where the file has a kind of change that there is not."""
    with FILE.open("rb") as file:
        found = tomllib.load(file)["entry"]
    return tuple(Entry(one["date"], one["title"], tuple(changes_of(one))) for one in found)


def changes_of(entry: dict[str, list[str]]) -> list[tuple[str, SafeString]]:
    unknown = set(entry) - {"date", "title", *KINDS}
    if unknown:
        raise ValueError(f"{FILE.name} has unknown words: {', '.join(sorted(unknown))}.")
    return [(kind, to_inline(words)) for kind in KINDS for words in entry.get(kind, ())]
