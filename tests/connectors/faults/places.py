"""Addresses at which no ESP can be reached: each gives a base address for as long as it is open."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from .certificates import HERE, server_context

PATH = "/api/v3.3/"


@contextmanager
def refused() -> Iterator[str]:
    """Nobody listens. The port stays ours, so that nobody else comes to listen there."""
    with socket.socket() as bound:
        bound.bind((HERE, 0))
        yield f"http://{HERE}:{bound.getsockname()[1]}{PATH}"


@contextmanager
def no_such_name() -> Iterator[str]:
    """The ending is reserved: no name server has it."""
    yield f"http://esp.invalid{PATH}"


@contextmanager
def connecting_for_ever() -> Iterator[str]:
    """A queue of one that is full: the system leaves further connections unanswered."""
    with socket.socket() as listening:
        listening.bind((HERE, 0))
        listening.listen(0)
        waiting = []
        for _ in range(4):
            one = socket.socket()
            one.setblocking(False)
            with suppress(BlockingIOError):
                one.connect(listening.getsockname())
            waiting.append(one)
        yield f"http://{HERE}:{listening.getsockname()[1]}{PATH}"
        for one in waiting:
            one.close()


@contextmanager
def _answering(answer: Callable[[socket.socket], None], scheme: str) -> Iterator[str]:
    with socket.create_server((HERE, 0)) as listening:

        def accept() -> None:
            with suppress(OSError):  # closed: the test is over
                while True:
                    connection, _ = listening.accept()
                    threading.Thread(target=answer, args=[connection], daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        yield f"{scheme}://{HERE}:{listening.getsockname()[1]}{PATH}"


@contextmanager
def shaking_hands_for_ever() -> Iterator[str]:
    """Connected, and no word of TLS."""
    ended = threading.Event()

    def hold(connection: socket.socket) -> None:
        with connection:
            ended.wait(60)

    with _answering(hold, "https") as base_url:
        yield base_url
        ended.set()


@contextmanager
def speaking_no_tls() -> Iterator[str]:
    def answer(connection: socket.socket) -> None:
        with connection, suppress(OSError):
            connection.recv(65536)
            connection.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")

    with _answering(answer, "https") as base_url:
        yield base_url


@contextmanager
def certified(context: ssl.SSLContext) -> Iterator[str]:
    """TLS with this certificate; whoever accepts it is told 200 {"SystemDate": …}."""

    def answer(connection: socket.socket) -> None:
        with suppress(OSError), context.wrap_socket(connection, server_side=True) as secure:
            secure.recv(65536)
            body = b'{"SystemDate":"2026-11-21 10:00:00"}'
            head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
            secure.sendall(head.encode() + body)

    with _answering(answer, "https") as base_url:
        yield base_url


def expired() -> ssl.SSLContext:
    return server_context(days_left=-1)


def of_somebody_else() -> ssl.SSLContext:
    return server_context(address="127.0.0.2")


def self_signed() -> ssl.SSLContext:
    return server_context(is_self_signed=True)
