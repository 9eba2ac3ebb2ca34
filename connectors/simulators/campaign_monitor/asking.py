"""What an endpoint gets: the account, the request, and the client or list the path names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..exchange import Request
from .core import Core
from .state import Client, List


@dataclass(slots=True)
class Created:
    """Answers 201 with this value, usually a bare string."""

    value: Any


@dataclass(slots=True)
class Ask:
    core: Core
    request: Request
    params: Mapping[str, str]
    visible: Sequence[str] | None  # the clients the credentials see; None: all
    client_: Client | None = None
    list_: List | None = None

    @property
    def client(self) -> Client:
        assert self.client_ is not None  # noqa: S101  the route names a client or a list
        return self.client_

    @property
    def list(self) -> List:
        assert self.list_ is not None  # noqa: S101  the route names a list
        return self.list_

    @property
    def body(self) -> bytes:
        return self.request.body

    def flag(self, name: str) -> bool:
        return self.request.query.get(name, "").lower() == "true"
