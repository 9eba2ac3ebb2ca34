"""Listeners that nobody may reach, a resolver that lies, and a record of every connection that was tried."""

from __future__ import annotations

import contextlib
import ipaddress
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

_recorders: list[list[tuple[str, int]]] = []


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "socket.connect" and _recorders and isinstance(arguments[1], tuple):
        for recorder in _recorders:
            recorder.append(arguments[1][:2])


sys.addaudithook(_hook)  # for good, as CPython has it; silent while nothing is recorded


@pytest.fixture
def tried() -> Iterator[list[tuple[str, int]]]:
    """(address, port) of every connection this process tries, below any library."""
    made: list[tuple[str, int]] = []
    _recorders.append(made)
    yield made
    _recorders.remove(made)


class Listener:
    """Accepts on one address and counts."""

    def __init__(self, family: int, address: str, port: int = 0) -> None:
        self.accepted = 0
        self._socket = socket.socket(family, socket.SOCK_STREAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind((address, port))
        self._socket.listen()
        self.port: int = self._socket.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self.accepted += 1
            connection.close()

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()


@pytest.fixture(scope="session")
def listeners() -> Iterator[list[Listener]]:
    """On 127.0.0.1, 127.0.0.2 and, where there is IPv6, ::1: one port, the same for all."""
    first = Listener(socket.AF_INET, "127.0.0.1")
    opened = [first, Listener(socket.AF_INET, "127.0.0.2", first.port)]
    if socket.has_ipv6:
        with contextlib.suppress(OSError):  # a host without IPv6
            opened.append(Listener(socket.AF_INET6, "::1", first.port))
    yield opened
    for listener in opened:
        listener.close()


@pytest.fixture
def resolves(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """`resolves("10.0.0.1")`: every name has this number. Several lists: the first answer, the second, …

    Returns the names asked for. Numbers are left to the system, which knows more forms of them than we.
    """

    def answer_with(*answers: list[str] | str) -> list[str]:
        asked: list[str] = []
        left = [[answer] if isinstance(answer, str) else answer for answer in answers]
        system = socket.getaddrinfo

        def look_up(host: Any, port: Any, *args: Any, **kwargs: Any) -> Any:
            if is_number(host):
                return system(host, port, *args, **kwargs)
            asked.append(str(host))
            numbers = left.pop(0) if len(left) > 1 else left[0]
            return [entry(number, port) for number in numbers]

        monkeypatch.setattr(socket, "getaddrinfo", look_up)
        return asked

    return answer_with


def is_number(host: Any) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def entry(number: str, port: int) -> Any:
    family = socket.AF_INET6 if ":" in number else socket.AF_INET
    address = (number, port, 0, 0) if ":" in number else (number, port)
    return (family, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", address)
