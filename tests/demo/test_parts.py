"""The demo's parts: ports, children, temporary databases."""

from __future__ import annotations

import os
import socket
import sys
import time
from pathlib import Path

import psycopg
import pytest

from syncapp.database import embedded
from syncapp.demo.children import Child, stop_all
from syncapp.demo.ports import choose
from syncapp.demo.steps import StepFailed
from syncapp.demo.temporary import temporary_database


def test_a_taken_port_gives_the_next_free_one() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert choose(port) > port
    assert choose(port) == port
    assert choose(port, frozenset({port})) > port


def test_a_child_that_does_not_stop_is_killed_with_its_children(tmp_path: Path) -> None:
    stubborn = (
        "import signal, subprocess, sys, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
        "print(subprocess.Popen(['sleep', '600']).pid, flush=True); time.sleep(600)"
    )
    child = Child("stubborn", [sys.executable, "-c", stubborn], os.environ, tmp_path)
    while not child.first_line():
        time.sleep(0.02)
    grandchild = int(child.first_line())
    assert stop_all([child], timeout_s=0.3) == ["stubborn"]
    assert child.exit_code == -9
    deadline = time.monotonic() + 5
    while is_running(grandchild):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def is_running(pid: int) -> bool:
    """A zombie whose parent does not look after it does not count."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def test_a_check_leaves_no_database_behind() -> None:
    server = embedded.ensure_running()
    with temporary_database({"DATABASE_URL": server.dsn("owner")}) as changes:
        with psycopg.connect(changes["DATABASE_URL"]) as connection:
            name = connection.info.dbname
        assert name.startswith("syncapp_check_")
    with pytest.raises(psycopg.OperationalError, match="does not exist"):
        psycopg.connect(server.dsn("owner", name))


def test_a_role_that_may_not_make_databases_is_told_so() -> None:
    server = embedded.ensure_running()
    with (
        pytest.raises(StepFailed, match="permission denied"),
        temporary_database({"DATABASE_URL": server.dsn()}),
    ):
        pass
