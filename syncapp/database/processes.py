"""Which processes belong to a cluster, told by the cluster's name in their titles.

A process number alone says little: a killed postmaster may stay as a zombie for as long as its parent does
not look (some containers' first process never does), and numbers are given out again after a restart.
"""

import contextlib
import os
import signal
import subprocess
import time
from pathlib import Path

from syncapp.database.errors import EmbeddedServerError

PROC = Path("/proc")
PATIENCE_S = 5.0


def postmaster_of(data: Path, cluster_name: str) -> int | None:
    """The number in postmaster.pid, when such a process lives and serves this data; else None."""
    try:
        number = int((data / "postmaster.pid").read_text().split("\n")[0])
    except (OSError, ValueError):
        return None
    title = _title(number)
    if "postgres" in title and (cluster_name in title or str(data) in title):
        return number
    return None


def port_of(data: Path) -> int | None:
    """The port in postmaster.pid (its fourth line); None while it is not written yet."""
    try:
        return int((data / "postmaster.pid").read_text().split("\n")[3])
    except (OSError, ValueError, IndexError):
        return None


def end_orphans(cluster_name: str) -> None:
    """Wait for the servers of a killed postmaster to leave; then make them.

    They notice its death when they next wait for something. A long query does not, and a second
    postmaster beside it would write to the same files.
    """
    began = time.monotonic()
    made_leave = False
    while orphans := _members(cluster_name):
        waited_s = time.monotonic() - began
        if waited_s > PATIENCE_S and not made_leave:
            _quit(orphans)
            made_leave = True
        if waited_s > 3 * PATIENCE_S:
            numbers = ", ".join(str(number) for number in orphans)
            raise EmbeddedServerError(
                f"Processes of a PostgreSQL that was killed still use its data and do not end: {numbers}. "
                "End them (kill -QUIT), then start again."
            )
        time.sleep(0.02)


def remove_stale_pid_file(data: Path) -> None:
    """Remove a postmaster.pid whose number now is a zombie or another program: PostgreSQL would stop there.

    A number without a process is left to PostgreSQL, which then also looks at the shared memory.
    """
    pid_file = data / "postmaster.pid"
    try:
        os.kill(int(pid_file.read_text().split("\n")[0]), 0)
    except (FileNotFoundError, ProcessLookupError):
        return
    except (PermissionError, ValueError):
        pass
    pid_file.unlink(missing_ok=True)


def _quit(numbers: list[int]) -> None:
    for number in numbers:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(number, signal.SIGQUIT)


def _members(cluster_name: str) -> list[int]:
    if PROC.joinpath("self").exists():
        numbers = [int(entry.name) for entry in PROC.iterdir() if entry.name.isdigit()]
        titles = {number: _title(number) for number in numbers}
    else:
        listing = subprocess.run(["ps", "-axo", "pid=,command="], capture_output=True, text=True, check=False)
        rows = [line.strip().partition(" ") for line in listing.stdout.splitlines()]
        titles = {int(number): title for number, _, title in rows}
    return [number for number, title in titles.items() if _is_server(title) and cluster_name in title]


def _is_server(title: str) -> bool:
    """A child ("postgres: name: …") or the postmaster (".../postgres -D …"); not pg_ctl, not an editor."""
    return title.startswith("postgres: ") or title.split(" ")[0].endswith("/postgres")


def _title(number: int) -> str:
    """The process's command line; empty for a zombie or none."""
    if PROC.joinpath("self").exists():
        try:
            return (PROC / str(number) / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            return ""
    listing = subprocess.run(
        ["ps", "-o", "command=", "-p", str(number)], capture_output=True, text=True, check=False
    )
    return listing.stdout
