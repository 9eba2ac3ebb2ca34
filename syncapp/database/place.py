"""Where the embedded server's files lie, and the operating-system user it runs as.

PostgreSQL refuses to run as root. Root therefore starts it as `postgres` or `nobody`, who often cannot
enter root's folders: the cluster then lies below /var/tmp, because widening the mode of somebody's
folders is not ours to do.
"""

import contextlib
import hashlib
import os
import pwd
import stat
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from syncapp.database.errors import EmbeddedServerError

CHECKOUT = Path(__file__).resolve().parents[2]
SERVER_USERS = ("postgres", "nobody")
SHARED_FOLDER = Path("/var/tmp")  # noqa: S108  # survives a restart; _refuse_foreign guards what lies there


@dataclass(frozen=True)
class Place:
    """`folder` holds data, passwords, lock and log; `user` is None when the server runs as the caller."""

    folder: Path
    user: pwd.struct_passwd | None

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def lock(self) -> Path:
        return self.folder / "lock"

    @property
    def cluster_name(self) -> str:
        """Part of every server process's title, so that ours can be told from all others."""
        return f"syncapp-{_short_hash(self.folder)}"

    def run(self, command: Sequence[str | Path], timeout_s: float) -> subprocess.CompletedProcess[str]:
        """Run a command as the server's user, with a clean environment; the output is captured."""
        environment = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}
        try:
            return subprocess.run(
                [str(part) for part in command],
                cwd="/",
                env=environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=timeout_s,
                check=False,
                **_as_user(self.user),
            )
        except PermissionError as error:
            raise EmbeddedServerError(_cannot_run(command[0], self.user)) from error
        except subprocess.TimeoutExpired as error:
            raise EmbeddedServerError(f"{command[0]} did not end within {timeout_s:.0f} s.") from error

    def can_execute(self, path: Path) -> bool:
        """Whether the server's user can reach and execute the path (a folder: enter it)."""
        return self.run(["test", "-x", path], timeout_s=10).returncode == 0

    def give(self, path: Path) -> None:
        """Hand a new file or folder to the server's user."""
        if self.user is not None:
            os.chown(path, self.user.pw_uid, self.user.pw_gid)


def find_home() -> Path:
    """SYNCAPP_HOME, else the user's data folder."""
    named = os.environ.get("SYNCAPP_HOME")
    if named:
        return Path(named).expanduser()
    data_home = os.environ.get("XDG_DATA_HOME")
    try:
        base = Path(data_home) if data_home else Path.home() / ".local" / "share"
    except RuntimeError as error:
        raise EmbeddedServerError(
            "No home folder is known. Set SYNCAPP_HOME to a folder for data."
        ) from error
    return base / "syncapp"


def find_place(home: Path) -> Place:
    """The place of an existing cluster, else where a new one belongs. Creates the folder."""
    home = home.resolve()
    if home.is_relative_to(CHECKOUT):
        raise EmbeddedServerError(
            f"SYNCAPP_HOME is {home}, which lies inside the project's own folder {CHECKOUT}. "
            "Data must not lie there: set SYNCAPP_HOME to a folder elsewhere."
        )
    inside, outside = home / "postgres", SHARED_FOLDER / f"syncapp-{_short_hash(home)}"
    if os.geteuid() != 0:
        return _own_place(home, inside)
    for folder in (inside, outside):
        if (folder / "data").exists():
            _refuse_foreign(folder)
            return Place(folder, _owner_of(folder / "data"))
    user = _server_user()
    _make_folder(home, 0o711)
    _make_folder(inside, 0o711)
    if Place(inside, user).can_execute(inside):
        return Place(inside, user)
    with contextlib.suppress(FileNotFoundError):  # another starter was faster
        inside.rmdir()
    _make_folder(outside, 0o711)
    _refuse_foreign(outside)
    return Place(outside, user)


def _own_place(home: Path, folder: Path) -> Place:
    _make_folder(home, 0o700)
    _make_folder(folder, 0o700)
    data = folder / "data"
    for path in (folder, data):
        if path.exists() and path.stat().st_uid != os.geteuid():
            raise EmbeddedServerError(
                f"{path} belongs to another user. Run the command as that user, "
                "or set SYNCAPP_HOME to a folder of your own."
            )
    return Place(folder, None)


def _make_folder(folder: Path, mode: int) -> None:
    """Create the folder with this mode; an existing one keeps its own."""
    try:
        if not folder.exists():
            folder.mkdir(parents=True)
            folder.chmod(mode)
    except FileExistsError:
        return  # another starter was faster
    except OSError as error:
        raise EmbeddedServerError(
            f"The data folder {folder} cannot be created ({error.strerror}). "
            "Set SYNCAPP_HOME to a folder you may write to."
        ) from error


def _refuse_foreign(folder: Path) -> None:
    """The shared folder is open to everybody: what somebody else prepared there must not be trusted."""
    facts = folder.lstat()
    if not stat.S_ISDIR(facts.st_mode):
        raise EmbeddedServerError(f"{folder} is not a folder. Look who made it, then remove it.")
    if facts.st_uid != 0 and folder.parent == SHARED_FOLDER:
        raise EmbeddedServerError(
            f"{folder} belongs to user {facts.st_uid}, not to root. Look who made it, then remove it, "
            "or set SYNCAPP_HOME to another folder."
        )


def _server_user() -> pwd.struct_passwd:
    for name in SERVER_USERS:
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise EmbeddedServerError(
        "PostgreSQL does not run as root, and this machine has neither a user postgres nor nobody. "
        "Run the command as an ordinary user, or set DATABASE_URL."
    )


def _owner_of(data: Path) -> pwd.struct_passwd:
    try:
        return pwd.getpwuid(data.stat().st_uid)
    except KeyError as error:
        raise EmbeddedServerError(
            f"{data} belongs to user number {data.stat().st_uid}, whom this machine does not know. "
            "Give it to a user of this machine, or set SYNCAPP_HOME to another folder."
        ) from error


def _as_user(user: pwd.struct_passwd | None) -> dict[str, Any]:
    if user is None:
        return {}
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def _cannot_run(program: str | Path, user: pwd.struct_passwd | None) -> str:
    name = "you" if user is None else f"user {user.pw_name}"
    return (
        f"{program} cannot be run as {name}: permission denied. Run as an ordinary user, or set DATABASE_URL."
    )


def _short_hash(path: Path) -> str:
    return hashlib.sha256(str(path).encode()).hexdigest()[:12]
