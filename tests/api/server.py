"""The web server as it runs in a demo, on a free port, over the database Django's connection leads to."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from django.db import connection

from syncapp import web

CHECKOUT = Path(__file__).resolve().parents[2]
START_S = 30.0


@contextmanager
def running_web(**environment: str) -> Iterator[tuple[str, int]]:
    """(base URL, pid of the one worker process) of a running server."""
    port = free_port()
    command = [
        sys.executable,
        "-m",
        "gunicorn",
        *web.ARGUMENTS,
        "--workers",
        "1",
        "--bind",
        f"127.0.0.1:{port}",
    ]
    child_environment = {
        **os.environ,
        "DATABASE_URL": database_url(),
        "PYTHONPATH": os.pathsep.join(sys.path),
    }
    server = subprocess.Popen(command, cwd=CHECKOUT, env={**child_environment, **environment})
    try:
        wait_for(port, server)
        yield f"http://127.0.0.1:{port}", worker_of(server.pid)
    finally:
        server.terminate()
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def database_url() -> str:
    params = connection.get_connection_params()
    user, password, host = (quote(str(params[name]), safe="") for name in ("user", "password", "host"))
    return f"postgresql://{user}:{password}@{host}:{params['port']}/{connection.settings_dict['NAME']}"


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def wait_for(port: int, server: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + START_S
    while time.monotonic() < until and server.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError("The web server did not start.")


def worker_of(master: int) -> int:
    """The first child of gunicorn's master."""
    children = Path(f"/proc/{master}/task/{master}/children")
    for _ in range(100):
        if found := children.read_text().split():
            return int(found[0])
        time.sleep(0.1)
    raise RuntimeError("The web server has no worker process.")
