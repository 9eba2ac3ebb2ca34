"""What stops a session before it does harm. Pure: figures in, names of guards out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from audiences.models import SyncSession

REPLACE_DEFAULTS: dict[str, Any] = {
    "max_removed_percent": 30,
    "max_removed": None,
    "min_total": 1,
    "max_failed_percent": None,
}
# Removals of a delta are named one by one: only what the caller asks for is guarded.
DELTA_DEFAULTS: dict[str, Any] = {**REPLACE_DEFAULTS, "max_removed_percent": None, "min_total": 0}
EMPTY = "empty"
APPROVAL = "approval_required"


@dataclass(frozen=True, slots=True)
class Figures:
    """What a session would do. `wanted`: people of the new set; `members`: those there are now."""

    received: int
    wanted: int
    members: int
    would_add: int
    would_remove: int
    failed: int

    @property
    def removed_percent(self) -> float:
        return 100 * self.would_remove / self.members if self.members else 0.0

    @property
    def failed_percent(self) -> float:
        return 100 * self.failed / self.received if self.received else 0.0


def with_defaults(mode: str, given: dict[str, Any]) -> dict[str, Any]:
    """Absent takes the default; null switches a guard off, but for `min_total`, which is then its default."""
    defaults = REPLACE_DEFAULTS if mode == SyncSession.Mode.REPLACE else DELTA_DEFAULTS
    guards = {**defaults, **given}
    if guards["min_total"] is None:
        guards["min_total"] = defaults["min_total"]
    return guards


def tripped_by(mode: str, guards: dict[str, Any], figures: Figures, requires_approval: bool) -> list[str]:
    """Names of the guards that trip: above their limit, not at it.

    A replace by nobody always trips, `min_total` or `empty`.
    """
    found = []
    if above(guards["max_removed_percent"], figures.removed_percent):
        found.append("max_removed_percent")
    if above(guards["max_removed"], figures.would_remove):
        found.append("max_removed")
    if above(guards["max_failed_percent"], figures.failed_percent):
        found.append("max_failed_percent")
    if mode == SyncSession.Mode.REPLACE:
        if figures.wanted < guards["min_total"]:
            found.append("min_total")
        elif figures.wanted == 0:
            found.append(EMPTY)
        if requires_approval:
            found.append(APPROVAL)
    return found


def above(limit: float | None, figure: float) -> bool:
    return limit is not None and figure > limit


def may_be_confirmed(tripped: list[str], guards: dict[str, Any], figures: Figures) -> bool:
    """Nobody at all needs `min_total` 0 beside a confirmation."""
    return not ("min_total" in tripped and figures.wanted == 0)


def to_guard(tripped: list[str], guards: dict[str, Any], figures: Figures) -> dict[str, Any]:
    """As it is stored and shown; the confirm token is not in it."""
    return {
        "tripped": tripped,
        "would_add": figures.would_add,
        "would_remove": figures.would_remove,
        "percent": round(figures.removed_percent, 2),
        "failed_percent": round(figures.failed_percent, 2),
        "total": figures.wanted,
        "members": figures.members,
        "confirmable": may_be_confirmed(tripped, guards, figures),
    }
