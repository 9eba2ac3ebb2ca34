"""One cluster on disk: make its data folder, start it on a free port, stop it. No SQL."""

import contextlib
import os
import secrets
import shlex
import shutil
import socket
import subprocess
from pathlib import Path

from syncapp.database import processes
from syncapp.database.binaries import Binaries
from syncapp.database.errors import EmbeddedServerError
from syncapp.database.place import Place

HOST = "127.0.0.1"
START_TIMEOUT_S = 600  # recovery after a crash replays up to max_wal_size; 36 s were seen in the field
STOP_TIMEOUT_S = 120
INITDB_TIMEOUT_S = 120
LOG_KEPT_BYTES = 20_000_000
SHARED_MEMORY_WANTED_BYTES = 256_000_000
SHARED_MEMORY = Path("/dev/shm")  # noqa: S108  # looked at, never written to
SETTINGS = {
    "shared_buffers": "256MB",
    "work_mem": "32MB",
    "maintenance_work_mem": "256MB",
    "max_connections": "200",
    "max_wal_size": "4GB",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
}


def make(place: Place, programs: Binaries, superuser: str, password: str) -> None:
    """Make the data folder under another name, and rename it when it is whole: a crash leaves no half one."""
    for leftover in place.folder.glob("data-new-*"):
        shutil.rmtree(leftover)
    unfinished = place.folder / f"data-new-{secrets.token_hex(4)}"
    password_file = place.folder / "initdb.password"
    password_file.unlink(missing_ok=True)
    unfinished.mkdir(mode=0o700)
    password_file.touch(mode=0o600)
    password_file.write_text(password)
    place.give(unfinished)
    place.give(password_file)
    try:
        for locale in ("C.UTF-8", "C"):  # macOS and small images do not know C.UTF-8
            reply = place.run(
                [
                    *(programs.program("initdb"), "-D", unfinished, "-U", superuser),
                    *("--auth=scram-sha-256", f"--pwfile={password_file}", "--encoding=UTF8"),
                    *(f"--locale={locale}", "--data-checksums", "--no-instructions"),
                ],
                timeout_s=INITDB_TIMEOUT_S,
            )
            if reply.returncode == 0:
                unfinished.rename(place.data)
                return
    finally:
        password_file.unlink(missing_ok=True)
    raise EmbeddedServerError(
        f"PostgreSQL could not make its data folder {place.data}: {reply.stderr.strip()}"
    )


def start(place: Place, programs: Binaries) -> int:
    """Start the postmaster and wait until it is ready; its port. Crash recovery may take minutes."""
    processes.end_orphans(place.cluster_name)
    processes.remove_stale_pid_file(place.data)
    _turn_log(place)
    for port in (_last_port(place), _free_port(), _free_port()):
        reply = _run_pg_ctl_start(place, programs, port)
        if reply.returncode == 0:
            (place.folder / "port").write_text(str(port))
            return port
        if "could not bind" not in log_end(place):  # somebody may take a free port before the server does
            break
    raise EmbeddedServerError(
        f"PostgreSQL {programs.version} did not start with the data in {place.data}: {reply.stderr.strip()}\n"
        f"The end of its log:\n{log_end(place)}"
    )


def stop(place: Place, programs: Binaries) -> None:
    reply = place.run(
        [
            *(programs.program("pg_ctl"), "-D", place.data, "-m", "fast"),
            *("-w", "-t", str(STOP_TIMEOUT_S), "stop"),
        ],
        timeout_s=STOP_TIMEOUT_S + 10,
    )
    if reply.returncode != 0:
        raise EmbeddedServerError(f"The embedded PostgreSQL does not stop: {reply.stderr.strip()}")


def log_end(place: Place) -> str:
    """The last lines of the server's log, for messages."""
    try:
        return "\n".join(_log(place).read_text(errors="replace").splitlines()[-15:])
    except FileNotFoundError:
        return "(there is no log)"


def _run_pg_ctl_start(place: Place, programs: Binaries, port: int) -> subprocess.CompletedProcess[str]:
    settings = {
        **SETTINGS,
        **_shared_memory_settings(),
        **_settings_from_environment(),
        "listen_addresses": HOST,
        "port": str(port),
        "unix_socket_directories": "",
        "cluster_name": place.cluster_name,
    }
    options = " ".join(f"-c {shlex.quote(f'{name}={value}')}" for name, value in settings.items())
    return place.run(
        [
            *(programs.program("pg_ctl"), "-D", place.data, "-l", _log(place)),
            *("-w", "-t", str(START_TIMEOUT_S), "-o", options, "start"),
        ],
        timeout_s=START_TIMEOUT_S + 30,
    )


def _settings_from_environment() -> dict[str, str]:
    """SYNCAPP_POSTGRES_SETTINGS, as "shared_buffers=1GB work_mem=64MB": read when the server starts."""
    pairs = (word.partition("=") for word in os.environ.get("SYNCAPP_POSTGRES_SETTINGS", "").split())
    return {name: value for name, _, value in pairs}


def _last_port(place: Place) -> int:
    """The port of the last time when it is still free, so that addresses people noted stay true."""
    with contextlib.suppress(OSError, ValueError):
        port = int((place.folder / "port").read_text())
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((HOST, port))
            return port
    return _free_port()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def _log(place: Place) -> Path:
    return place.data / "server.log"


def _turn_log(place: Place) -> None:
    with contextlib.suppress(FileNotFoundError):
        if _log(place).stat().st_size > LOG_KEPT_BYTES:
            _log(place).replace(place.data / "server.old.log")


def _shared_memory_settings() -> dict[str, str]:
    """Files instead of /dev/shm where that is small (64 MB in a container): parallel joins fail there."""
    with contextlib.suppress(OSError):
        room = os.statvfs(SHARED_MEMORY)
        if room.f_blocks * room.f_frsize < SHARED_MEMORY_WANTED_BYTES:
            return {"dynamic_shared_memory_type": "mmap"}
    return {}
