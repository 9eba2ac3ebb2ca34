"""The embedded PostgreSQL: for demo, development and tests when no DATABASE_URL is set.

`ensure_running()` adopts the server of this home, or starts it, making it first if there is none. The server
outlives the process that started it; `stop()` ends it.
"""

import contextlib
import fcntl
import os
import secrets
import shlex
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypedDict

import psycopg
from psycopg.errors import TooManyConnections

from syncapp.database import binaries, processes, roles
from syncapp.database.binaries import Binaries
from syncapp.database.errors import EmbeddedServerError
from syncapp.database.place import Place, find_home, find_place
from syncapp.database.roles import DATABASE, Role

__all__ = ["EmbeddedServerError", "Role", "Server", "ensure_running", "reset_database", "stop"]

HOST = "127.0.0.1"
START_TIMEOUT_S = 600  # recovery after a crash replays up to max_wal_size; 36 s were seen in the field
INITDB_TIMEOUT_S = 120
LOG_KEPT_BYTES = 20_000_000
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


class DjangoParts(TypedDict):
    """The part of Django's DATABASES entry that says where and who."""

    HOST: str
    PORT: str
    NAME: str
    USER: str
    PASSWORD: str


@dataclass(frozen=True)
class Server:
    host: str
    port: int
    passwords: dict[Role, str] = field(repr=False)

    def dsn(self, role: Role = Role.APP, database: str = DATABASE) -> str:
        """A postgresql:// URL; it holds the role's password."""
        return f"postgresql://{role}:{self.passwords[role]}@{self.host}:{self.port}/{database}"

    def django(self, role: Role = Role.APP, database: str = DATABASE) -> DjangoParts:
        return {
            "HOST": self.host,
            "PORT": str(self.port),
            "NAME": database,
            "USER": str(role),
            "PASSWORD": self.passwords[role],
        }


def ensure_running(home: Path | None = None) -> Server:
    """The running server of this home (default: SYNCAPP_HOME), started if need be. Raises EmbeddedServerError."""
    place = find_place(home or find_home())
    server = _adopt(place)
    if server is not None:
        return server
    with _locked(place):
        return _wait_for_running(place) or _start(place)


def stop(home: Path | None = None) -> bool:
    """Stop the server of this home, ending its connections. False when none was running."""
    place = find_place(home or find_home())
    with _locked(place):
        if processes.postmaster_of(place.data, place.cluster_name) is None:
            return False
        pg_ctl = binaries.choose(place).program("pg_ctl")
        reply = place.run([pg_ctl, "-D", place.data, "-m", "fast", "-w", "-t", "120", "stop"], timeout_s=130)
        if reply.returncode != 0:
            raise EmbeddedServerError(f"The embedded PostgreSQL does not stop: {reply.stderr.strip()}")
        return True


def reset_database(home: Path | None = None) -> Server:
    """Drop the application's database and make an empty one."""
    server = ensure_running(home)
    roles.drop_database(server.dsn(Role.BOOTSTRAP, "postgres"))
    roles.provision(server.dsn(Role.BOOTSTRAP, "postgres"), server.passwords)
    return server


def _adopt(place: Place) -> Server | None:
    """The server, if the application's role can sign in. That proves that it is ours and complete."""
    port, passwords = processes.port_of(place.data), roles.read_passwords(place.folder)
    if port is None or passwords is None:
        return None
    server = Server(HOST, port, passwords)
    try:
        psycopg.connect(server.dsn(), connect_timeout=3, sslmode="disable", gssencmode="disable").close()
    except TooManyConnections:
        return server
    except psycopg.OperationalError:
        return None  # dead, starting, stopping, or not finished: the caller looks closer, under the lock
    return server


def _wait_for_running(place: Place) -> Server | None:
    """The server, once a postmaster that is there is ready; None when there is none."""
    deadline = time.monotonic() + START_TIMEOUT_S
    while processes.postmaster_of(place.data, place.cluster_name) is not None:
        port = processes.port_of(place.data)
        if port is not None and _is_ready(place, port):
            return _finish(place, port)
        if time.monotonic() > deadline:
            raise EmbeddedServerError(
                f"The embedded PostgreSQL in {place.data} runs but does not answer for {START_TIMEOUT_S} s. "
                f"Its log may say why:\n{_log_end(place)}"
            )
        time.sleep(0.05)
    return None


def _is_ready(place: Place, port: int) -> bool:
    bootstrap = Server(HOST, port, roles.make_passwords(place.folder)).dsn(Role.BOOTSTRAP, "postgres")
    try:
        psycopg.connect(bootstrap, connect_timeout=3).close()
    except psycopg.OperationalError as error:
        if "password authentication failed" in str(error):
            raise EmbeddedServerError(
                f"The passwords in {place.folder} are not those of the server there. Put the files back, "
                "or set SYNCAPP_HOME to an empty folder to start anew."
            ) from error
        return False
    return True


def _start(place: Place) -> Server:
    programs = binaries.choose(place)
    passwords = roles.make_passwords(place.folder)
    if not place.data.exists():
        _make_cluster(place, programs, passwords[Role.BOOTSTRAP])
    processes.end_orphans(place.cluster_name)
    processes.remove_stale_pid_file(place.data)
    _turn_log(place)
    for port in (_last_port(place), _free_port(), _free_port()):
        reply = _run_pg_ctl_start(place, programs, port)
        if reply.returncode == 0:
            (place.folder / "port").write_text(str(port))
            return _finish(place, port)
        if "could not bind" not in _log_end(place):  # somebody may take a free port before the server does
            break
    raise EmbeddedServerError(
        f"PostgreSQL {programs.version} did not start with the data in {place.data}: {reply.stderr.strip()}\n"
        f"The end of its log:\n{_log_end(place)}"
    )


def _finish(place: Place, port: int) -> Server:
    server = Server(HOST, port, roles.make_passwords(place.folder))
    try:
        roles.provision(server.dsn(Role.BOOTSTRAP, "postgres"), server.passwords)
    except psycopg.Error as error:
        raise EmbeddedServerError(f"Roles and database could not be made in {place.data}: {error}") from error
    return server


def _make_cluster(place: Place, programs: Binaries, password: str) -> None:
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
                    *(programs.program("initdb"), "-D", unfinished, "-U", Role.BOOTSTRAP),
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


def _run_pg_ctl_start(place: Place, programs: Binaries, port: int) -> subprocess.CompletedProcess[str]:
    settings = {
        **SETTINGS,
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


@contextlib.contextmanager
def _locked(place: Place) -> Iterator[None]:
    """One starter at a time; the others wait, then adopt what it started."""
    with place.lock.open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _log(place: Place) -> Path:
    return place.data / "server.log"


def _turn_log(place: Place) -> None:
    with contextlib.suppress(FileNotFoundError):
        if _log(place).stat().st_size > LOG_KEPT_BYTES:
            _log(place).replace(place.data / "server.old.log")


def _log_end(place: Place) -> str:
    try:
        return "\n".join(_log(place).read_text(errors="replace").splitlines()[-15:])
    except FileNotFoundError:
        return "(there is no log)"
