"""What alerts can be about. Packages above register theirs; this one knows only its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

DIGEST = "digest"  # what a preference is called that is about the daily digest
WEBHOOK_STOPPED = "webhook_stopped"
KIND_CHARS = 40


@dataclass(frozen=True, slots=True)
class Kind:
    """`default_on`: managers get an e-mail the first time unless they said otherwise."""

    key: str
    label: str
    default_on: bool
    help: str = ""


@dataclass(frozen=True, slots=True)
class Source:
    """What several subjects belong to, and what a person may choose differently for: a connection.

    `ref` is what `raise_alert` gets as `source`, like `connection:5`.
    """

    ref: str
    label: str


class UnknownKind(LookupError):
    """Nobody registered this kind of alert."""


FindSources = Callable[[int], Iterable[tuple[str, str]]]
_kinds: dict[str, Kind] = {}
_source_finders: list[FindSources] = []


def register_kind(key: str, label: str, default_on: bool, help: str = "") -> Kind:
    """Make a kind known, in the order of registration. The same twice is harmless; a different one is not."""
    kind = Kind(key, label, default_on, help)
    if key == DIGEST or not key or len(key) > KIND_CHARS or _kinds.get(key, kind) != kind:
        raise ValueError(
            f"The kind of alert “{key}” cannot be registered: taken, reserved, empty or too long."
        )
    _kinds[key] = kind
    return kind


def register_sources(find: FindSources) -> FindSources:
    """Register a finder of (ref, label) of an account's sources, called in its scope."""
    _source_finders.append(find)
    return find


def known() -> list[Kind]:
    """In the order of registration; this package's own come last."""
    return sorted(_kinds.values(), key=lambda kind: kind.key == WEBHOOK_STOPPED)


def get(key: str) -> Kind:
    try:
        return _kinds[key]
    except KeyError:
        raise UnknownKind(f"No kind of alert is called “{key}”: register_kind makes it known.") from None


def label_of(key: str) -> str:
    """Also of a kind that was known once: its alerts stay."""
    kind = _kinds.get(key)
    return kind.label if kind is not None else key.replace("_", " ").capitalize()


def choices() -> list[tuple[str, str]]:
    return [(kind.key, kind.label) for kind in known()]


def sources_of(account_id: int) -> list[Source]:
    return [Source(ref, label) for find in _source_finders for ref, label in find(account_id)]


register_kind(
    WEBHOOK_STOPPED,
    "Outgoing webhook stopped",
    default_on=True,
    help="A receiver said it is gone, or took nothing for three days.",
)
