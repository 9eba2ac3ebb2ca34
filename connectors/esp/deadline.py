"""One deadline for a whole call, kept at the socket.

Read time-outs alone do not end a call: a server that sends one byte a second never times out. Every wait of a
socket here is at most what is left of the calling thread's deadline, so headers and bodies that drip end too.
The name look-up before connecting is the system resolver's and has its own time-outs.
"""

import ssl
import threading
import time
from collections.abc import Iterable
from functools import cache
from typing import Any

import httpcore
import httpx

_WRITE_BYTES = 65536


class Deadline(threading.local):
    """Of the calling thread: when its call must end, and whether a byte of it has left."""

    ends_at: float = float("inf")
    sent: bool = False

    def start(self, total_s: float) -> None:
        self.ends_at = time.monotonic() + total_s
        self.sent = False

    def left_s(self, timeout_s: float | None) -> float:
        """Seconds a wait may take, 0 or less when the time is up."""
        left_s = self.ends_at - time.monotonic()
        return left_s if timeout_s is None else min(timeout_s, left_s)


class _Stream(httpcore.NetworkStream):
    def __init__(self, stream: httpcore.NetworkStream, deadline: Deadline) -> None:
        self._stream = stream
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        left_s = self._deadline.left_s(timeout)
        if left_s <= 0:
            raise httpcore.ReadTimeout("The call's time is up.")
        return self._stream.read(max_bytes, left_s)

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        for start in range(0, len(buffer), _WRITE_BYTES):
            left_s = self._deadline.left_s(timeout)
            if left_s <= 0:
                raise httpcore.WriteTimeout("The call's time is up.")
            self._deadline.sent = True
            self._stream.write(buffer[start : start + _WRITE_BYTES], left_s)

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        left_s = self._deadline.left_s(timeout)
        if left_s <= 0:
            raise httpcore.ConnectTimeout("The call's time is up.")
        return _Stream(self._stream.start_tls(ssl_context, server_hostname, left_s), self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


class _Backend(httpcore.SyncBackend):
    def __init__(self, deadline: Deadline) -> None:
        self._deadline = deadline

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        left_s = self._deadline.left_s(timeout)
        if left_s <= 0:
            raise httpcore.ConnectTimeout("The call's time is up.")
        stream = super().connect_tcp(host, port, left_s, local_address, socket_options)
        return _Stream(stream, self._deadline)


@cache
def _certificates() -> ssl.SSLContext:
    """Read once per process: it takes 30 ms, ten times what a call over an open connection does."""
    return httpx.create_ssl_context(trust_env=False)


class DeadlineTransport(httpx.HTTPTransport):
    """httpx's transport on sockets that know the deadline; nothing is taken from the environment.

    The pool is replaced because httpx has no argument for httpcore's network backend (httpx 0.28).
    """

    def __init__(self, connections: int, keep_alive_s: float = 30.0) -> None:
        super().__init__(verify=_certificates(), trust_env=False)
        self.deadline = Deadline()
        self._pool = httpcore.ConnectionPool(
            ssl_context=_certificates(),
            max_connections=connections,
            max_keepalive_connections=connections,
            keepalive_expiry=keep_alive_s,
            network_backend=_Backend(self.deadline),
        )
