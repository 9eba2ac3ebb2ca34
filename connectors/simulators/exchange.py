"""What passes between the server and a simulator: one request, one reply, and what the reply did."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol


@dataclass(slots=True)
class Tally:
    """People named in one request, those accepted, and those whose state really changed."""

    rows: int = 0
    accepted: int = 0
    refused: int = 0
    effects: int = 0


@dataclass(slots=True)
class Request:
    """One HTTP request to the ESP; `path` lies below the API's prefix and is still percent-encoded."""

    method: str
    path: str
    query: Mapping[str, str]  # names in lower case
    headers: Mapping[str, str]  # names in lower case
    body: bytes
    refusals: Mapping[str, int] = field(default_factory=dict)  # address in lower case → code, from a fault
    tally: Tally = field(default_factory=Tally)


@dataclass(slots=True)
class Reply:
    status: int
    body: bytes = b""
    content_type: str = "application/json; charset=utf-8"
    headers: dict[str, str] = field(default_factory=dict)


class ControlError(Exception):
    """A control call that cannot be done; the text is for whoever made it."""


class Simulator(Protocol):
    """One ESP behind the server. Every method may be called from any thread."""

    key: str
    label: str
    prefix: str  # "/api/v3.3/"

    @property
    def version(self) -> int:
        """Grows with every change worth saving."""

    def operation(self, method: str, path: str) -> str:
        """The name under which a request is counted; "unknown" for none."""

    def answer(self, request: Request) -> Reply:
        """Do what the ESP would do."""

    def error(self, status: int) -> bytes:
        """The ESP's own body for a failure of this status."""

    def overview(self) -> dict[str, Any]:
        """What the page shows: {"clients": [{"id", "name", "lists": [{"id", "name", "states"}]}]}."""

    def control(self, method: str, parts: list[str], data: dict[str, Any]) -> Any:
        """A control call of this simulator only; raises ControlError."""

    def snapshot(self) -> dict[str, Any]:
        """All state, ready for JSON."""

    def restore(self, saved: dict[str, Any]) -> None:
        """Take over the state of a snapshot."""
