"""Sockets that connect to allowed numbers only, and know when the whole request must end.

The name is looked up once, here, every number it has is checked, and the connection goes to one of those numbers: a
name that means another place a moment later (DNS rebinding) has nothing to win. TLS still asks for the certificate of
the name.
"""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Iterable
from typing import Any

import httpcore

from syncapp.egress.errors import Forbidden
from syncapp.egress.policy import Policy

WRITE_BYTES = 65536
CONNECT_S = 5.0  # per number, so that one dead host of several leaves time for the others
MOST_NUMBERS = 8


class Deadline:
    def __init__(self, total_s: float) -> None:
        self._ends_at_s = time.monotonic() + total_s

    def left_s(self, most_s: float | None = None) -> float:
        """Seconds a wait may take. Raises when the time is up."""
        left_s = self._ends_at_s - time.monotonic()
        if left_s <= 0:
            raise httpcore.ReadTimeout("The time is up.")
        return left_s if most_s is None else min(left_s, most_s)


class GuardedBackend(httpcore.NetworkBackend):
    """httpcore's sockets behind the policy."""

    def __init__(self, policy: Policy, deadline: Deadline) -> None:
        self._policy = policy
        self._deadline = deadline
        self._backend = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        numbers = self._allowed_numbers(host, port)
        failure: Exception = httpcore.ConnectError("The name has no address.")
        for number in numbers[:MOST_NUMBERS]:
            try:
                stream = self._backend.connect_tcp(number, port, timeout=self._deadline.left_s(CONNECT_S))
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
                continue
            return GuardedStream(stream, self._deadline)
        raise failure

    def connect_unix_socket(self, *args: Any, **kwargs: Any) -> httpcore.NetworkStream:
        raise Forbidden("Only hosts of the internet are reached.")

    def _allowed_numbers(self, host: str, port: int) -> list[str]:
        """One forbidden number among several refuses them all: the name is not a public place's."""
        if self._policy.ports is not None and port not in self._policy.ports:
            raise Forbidden(f"Port {port} is not allowed.")
        numbers = look_up(host, port, self._deadline.left_s())
        if not all(self._policy.reaches(number) for number in numbers):
            raise Forbidden("The host is not a place in the public internet.")
        return numbers


def look_up(host: str, port: int, timeout_s: float) -> list[str]:
    """The numbers of a host. The system's resolver knows no deadline, so it is left behind when late."""
    found: list[str] = []
    failed: list[OSError] = []

    def ask() -> None:
        try:
            answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            failed.append(error if isinstance(error, OSError) else OSError("not a name"))
        else:
            found.extend(dict.fromkeys(str(answer[4][0]) for answer in answers))

    thread = threading.Thread(target=ask, name="egress look-up", daemon=True)
    thread.start()
    thread.join(timeout_s)
    if failed:
        raise httpcore.ConnectError("The host name is not known.") from failed[0]
    if not found:
        raise httpcore.ConnectTimeout("The host name was not found in time.")
    return list(found)


class GuardedStream(httpcore.NetworkStream):
    """Every wait is at most what is left: a server that drips ends too."""

    def __init__(self, stream: httpcore.NetworkStream, deadline: Deadline) -> None:
        self._stream = stream
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, self._deadline.left_s(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        for start in range(0, len(buffer), WRITE_BYTES):
            self._stream.write(buffer[start : start + WRITE_BYTES], self._deadline.left_s(timeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        stream = self._stream.start_tls(ssl_context, server_hostname, self._deadline.left_s(timeout))
        return GuardedStream(stream, self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)
