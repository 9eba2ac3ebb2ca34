"""The embedded PostgreSQL: for demo, development and tests when no DATABASE_URL is set.

`ensure_running()` adopts the server of this home, or starts it, making it first if there is none. The server
outlives the process that started it; `stop()` ends it.
"""

import contextlib
import fcntl
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
from psycopg.errors import TooManyConnections

from syncapp.database import binaries, cluster, processes, roles
from syncapp.database.errors import EmbeddedServerError
from syncapp.database.place import Place, find_home, find_place
from syncapp.database.roles import DATABASE, Role

__all__ = ["EmbeddedServerError", "Role", "Server", "ensure_running", "reset_database", "stop"]


@dataclass(frozen=True)
class Server:
    host: str
    port: int
    passwords: dict[Role, str] = field(repr=False)

    def credentials(self, role: str) -> tuple[str, str]:
        """User name and password of "app", "owner" or "bootstrap"."""
        return Role(role).user, self.passwords[Role(role)]

    def dsn(self, role: str = Role.APP, database: str = DATABASE) -> str:
        """A postgresql:// URL; it holds the role's password."""
        user, password = self.credentials(role)
        return f"postgresql://{user}:{password}@{self.host}:{self.port}/{database}"


def ensure_running(home: Path | None = None) -> Server:
    """The running server of this home (default: SYNCAPP_HOME), started if need be.

    Raises EmbeddedServerError with words for people. Adopting takes some 10 ms.
    """
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
        cluster.stop(place, binaries.choose(place))
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
    server = Server(cluster.HOST, port, passwords)
    try:
        psycopg.connect(server.dsn(), connect_timeout=3, sslmode="disable", gssencmode="disable").close()
    except TooManyConnections:
        return server
    except psycopg.OperationalError:
        return None  # dead, starting, stopping, or not finished: the caller looks closer, under the lock
    return server


def _wait_for_running(place: Place) -> Server | None:
    """The server, once a postmaster that is there is ready; None when there is none."""
    deadline = time.monotonic() + cluster.START_TIMEOUT_S
    while processes.postmaster_of(place.data, place.cluster_name) is not None:
        port = processes.port_of(place.data)
        if port is not None and _is_ready(place, port):
            return _finish(place, port)
        if time.monotonic() > deadline:
            raise EmbeddedServerError(
                f"The embedded PostgreSQL in {place.data} runs but does not answer for "
                f"{cluster.START_TIMEOUT_S} s. Its log may say why:\n{cluster.log_end(place)}"
            )
        time.sleep(0.05)
    return None


def _is_ready(place: Place, port: int) -> bool:
    bootstrap = Server(cluster.HOST, port, roles.make_passwords(place.folder)).dsn(Role.BOOTSTRAP, "postgres")
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
        cluster.make(place, programs, Role.BOOTSTRAP.user, passwords[Role.BOOTSTRAP])
    return _finish(place, cluster.start(place, programs))


def _finish(place: Place, port: int) -> Server:
    server = Server(cluster.HOST, port, roles.make_passwords(place.folder))
    try:
        roles.provision(server.dsn(Role.BOOTSTRAP, "postgres"), server.passwords)
    except psycopg.Error as error:
        raise EmbeddedServerError(f"Roles and database could not be made in {place.data}: {error}") from error
    return server


@contextlib.contextmanager
def _locked(place: Place) -> Iterator[None]:
    """One starter at a time; the others wait, then adopt what it started."""
    with place.lock.open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
