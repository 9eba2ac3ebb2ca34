"""Folders of audiences: a path of names, “Campaigns/Spring”. A folder is there as long as an audience is in it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.db.models import Count, Q, QuerySet

from audiences.models import Audience

NONE = "/"  # in addresses; no folder is called so
FOLDER_CHARS = 100


@dataclass(frozen=True, slots=True)
class Folder:
    """`audiences` counts those in it and in the folders below it."""

    path: str
    audiences: int

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]

    @property
    def depth(self) -> int:
        return self.path.count("/")


def to_folder(written: str) -> str:
    """As folders are stored: names without spaces around them, no empty ones. Raises ValidationError."""
    path = "/".join(part for part in (one.strip() for one in written.split("/")) if part)
    if len(path) > FOLDER_CHARS:
        raise ValidationError(f"A folder’s name has at most {FOLDER_CHARS} characters.")
    return path


def counts(rows: QuerySet[Audience]) -> dict[str, int]:
    """{folder: audiences directly in it} in one query; "" for those in none."""
    found = rows.order_by().values_list("folder").annotate(audiences=Count("pk"))
    return dict(found)


def tree(direct: Mapping[str, int]) -> list[Folder]:
    """Every folder and those above it, in the order of a tree."""
    total: dict[str, int] = {}
    for path, audiences in direct.items():
        for above in lineage(path):
            total[above] = total.get(above, 0) + audiences
    return [Folder(path, total[path]) for path in sorted(total, key=in_tree_order)]


def lineage(path: str) -> Iterable[str]:
    """ "a/b/c" → "a", "a/b", "a/b/c"; nothing for ""."""
    parts = path.split("/") if path else []
    return ["/".join(parts[: depth + 1]) for depth in range(len(parts))]


def in_tree_order(path: str) -> list[str]:
    return [part.casefold() for part in path.split("/")]


def within(path: str) -> Q:
    """In the folder or below it."""
    if path == NONE:
        return Q(folder="")
    return Q(folder=path) | Q(folder__startswith=f"{path}/")


def names_of(rows: QuerySet[Audience]) -> list[str]:
    """What one can choose from when typing."""
    return [
        folder.path
        for folder in tree(dict.fromkeys(rows.order_by().values_list("folder", flat=True).distinct(), 1))
    ]
