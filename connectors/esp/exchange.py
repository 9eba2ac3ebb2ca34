"""One request and what came back, in the form it may be stored: redacted and shortened."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Exchange:
    """``path`` and both bodies hold no secret and no whole address. ``status`` is None when no answer came.

    ``request_bytes`` and ``response_bytes`` are the sizes on the wire, before shortening; ``error`` is
    ``str()`` of the error raised, "" when none was.
    """

    connector: str
    operation: str
    method: str
    path: str
    started_at: datetime
    duration_ms: int
    status: int | None
    request_body: str
    response_body: str
    request_bytes: int
    response_bytes: int
    error: str


@dataclass(frozen=True, slots=True)
class Request:
    """A call as it would go over the wire. ``path`` lies below the base address, ``body`` is its whole text.

    Holds no secret, but the person's own address and values: for staff who may see the person.
    """

    method: str
    path: str
    body: str


Record = Callable[[Exchange], None]
