"""A receiver that has had enough: it cuts the connection, or its answer."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

CUTS = {
    "no answer": b"",
    "half a status": b"HTTP/1.1 2",
    "half the headers": b"HTTP/1.1 200 OK\r\nContent-Length: 5",
    "no HTTP": b"220 mail.example ESMTP ready\r\n",
    "half a page": b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 900\r\nContent-Type: text/html\r\n\r\n<html>",
}


@contextmanager
def cutting(answer: bytes) -> Iterator[str]:
    """The address of a server that reads something, sends these bytes and hangs up, reset and all."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=_serve, args=(server, answer), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/hooks"
        server.shutdown(socket.SHUT_RDWR)
    thread.join(5)


def _serve(server: socket.socket, answer: bytes) -> None:
    while True:
        try:
            caller, _ = server.accept()
        except OSError:
            return
        with caller:
            caller.recv(64)
            caller.sendall(answer)
