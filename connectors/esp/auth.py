"""How a call proves who we are. OAuth's bearer tokens, with their refreshing, get their class here."""

import base64
from collections.abc import Iterable
from typing import Protocol


class Auth(Protocol):
    def header(self) -> str:
        """The value of ``Authorization``, made for each call: a token may have been refreshed since."""
        ...

    def secrets(self) -> Iterable[str]:
        """What must never be stored or shown."""
        ...


class Basic:
    """HTTP Basic."""

    def __init__(self, user: str, password: str) -> None:
        self._secrets = (user, password)
        self._header = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()

    def header(self) -> str:
        return self._header

    def secrets(self) -> Iterable[str]:
        return self._secrets
