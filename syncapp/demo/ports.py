"""Free ports on the loopback address."""

from __future__ import annotations

import random
import socket

ADDRESS = "127.0.0.1"
TRIES = 50
# Below the ports systems give to outgoing connections (32768 on Linux, 49152 elsewhere): one of those could take the
# port between the look and the server's start.
OUR_OWN = range(20_000, 32_000)


def choose(wanted: int, taken: frozenset[int] = frozenset()) -> int:
    """The wanted port, else the next free one above it; 0 asks for any free one. `taken` are promised already."""
    if wanted:
        for port in range(wanted, min(wanted + TRIES, 65536)):
            if port not in taken and is_free(port):
                return port
    return any_free()


def is_free(port: int) -> bool:
    """Whether a server could listen there now. A connection that just ended does not count as taken."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((ADDRESS, port))
            probe.listen()
        except OSError:
            return False
    return True


def any_free() -> int:
    for port in random.sample(OUR_OWN, TRIES):
        if is_free(port):
            return port
    with socket.socket() as probe:
        probe.bind((ADDRESS, 0))
        found: int = probe.getsockname()[1]
    return found
