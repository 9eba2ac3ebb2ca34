"""A real server on loopback whose answers are bytes written by the test: also broken and slow ones."""

import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

Answer = Callable[[socket.socket], None]


@dataclass
class Loopback:
    """``answer`` is called with the connection once a whole request has arrived, for each request."""

    port: int
    answer: Answer
    requests: list[bytes] = field(default_factory=list)
    connections: int = 0
    reset_before_reading: bool = False

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/api/v3.3/"


@contextmanager
def loopback(answer: Answer) -> Iterator[Loopback]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = Loopback(listening.getsockname()[1], answer)
        threading.Thread(target=_accept, args=(listening, server), daemon=True).start()
        yield server


def _accept(listening: socket.socket, server: Loopback) -> None:
    while True:
        try:
            connection, _ = listening.accept()
        except OSError:  # the test is over
            return
        server.connections += 1
        threading.Thread(target=_serve, args=(connection, server), daemon=True).start()


def _serve(connection: socket.socket, server: Loopback) -> None:
    with connection, suppress(OSError):  # the client may leave at any moment
        if server.reset_before_reading:
            connection.recv(1, socket.MSG_PEEK)  # sooner, and the client may not even be connected
            reset(connection)
            return
        while request := _request(connection):
            server.requests.append(request)
            server.answer(connection)


def _request(connection: socket.socket) -> bytes:
    """One request with its body; b"" when the client has left."""
    data = b""
    while b"\r\n\r\n" not in data:
        received = connection.recv(65536)
        if not received:
            return b""
        data += received
    head, _, body = data.partition(b"\r\n\r\n")
    length = next(
        (
            int(line.split(b":")[1])
            for line in head.split(b"\r\n")
            if line.lower().startswith(b"content-length:")
        ),
        0,
    )
    while len(body) < length:
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body


def reset(connection: socket.socket) -> None:
    """Close so that the other side sees "connection reset"."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def http(
    status: int = 200, body: bytes = b"", *, headers: tuple[str, ...] = (), length: int | None = None
) -> bytes:
    lines = [f"HTTP/1.1 {status} Word", "Content-Type: application/json; charset=utf-8", *headers]
    lines.append(f"Content-Length: {len(body) if length is None else length}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def saying(*args: object, **kwargs: object) -> Answer:
    """An answer that sends `http(…)`."""
    content = http(*args, **kwargs)  # type: ignore[arg-type]
    return lambda connection: connection.sendall(content)


def dripping(head: bytes, drop: bytes, every_s: float) -> Answer:
    """`head` at once, then `drop` again and again for ever."""

    def answer(connection: socket.socket) -> None:
        connection.sendall(head)
        while True:
            time.sleep(every_s)
            connection.sendall(drop)

    return answer
