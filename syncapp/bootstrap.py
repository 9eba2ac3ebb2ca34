"""Gets from a bare Python to the project's dependencies. Standard library only.

The dependencies of pyproject.toml are installed in the versions of constraints.txt, into `.venv` of the
checkout, or into the data folder where the checkout is read-only. A stamp there tells what was installed.
"""

import contextlib
import fcntl
import hashlib
import importlib.metadata
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NoReturn

from syncapp.database.errors import EmbeddedServerError
from syncapp.database.place import find_home

CHECKOUT = Path(__file__).resolve().parents[1]
CHECKOUT_ENVIRONMENT = CHECKOUT / ".venv"
CONSTRAINTS = CHECKOUT / "constraints.txt"
STAMP = "syncapp-stamp"
ENTERED = "SYNCAPP_ENVIRONMENT_ENTERED"
SELF_SUFFICIENT = ("demo", "test")  # any other command finds an environment, but makes none


class SetupError(Exception):
    """The environment cannot be made. The text says what to do."""


def enter_environment(command: str) -> None:
    """Return when this Python has all dependencies; else set up an environment and start over inside it."""
    extras = ["dev"] if command == "test" else []
    wanted = requirements(extras)
    if stamp_fits(Path(sys.prefix), extras) or not missing_packages(wanted):
        os.environ.pop(ENTERED, None)  # or what we start would take our start for its own
        return
    try:
        if os.environ.get(ENTERED) == sys.executable:  # or it would start over for ever
            raise SetupError(f"{sys.executable} still lacks packages: {', '.join(missing_packages(wanted))}.")
        environment = _find_or_make(command, extras, wanted)
    except (SetupError, EmbeddedServerError) as error:
        sys.exit(f"Setting up failed: {error}")
    _start_over_in(environment)


def requirements(extras: Sequence[str]) -> list[str]:
    """The requirement lines of pyproject.toml, with those of the extras."""
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]
    lines: list[str] = list(project["dependencies"])
    for extra in extras:
        lines += project["optional-dependencies"][extra]
    return lines


def package_name(line: str) -> str:
    """The normalised name a requirement line starts with."""
    return _normalise(re.split(r"[^\w.-]", line.strip(), maxsplit=1)[0])


def pins() -> dict[str, str]:
    """Version by normalised package name, from constraints.txt."""
    rows = (line.partition("==") for line in CONSTRAINTS.read_text().splitlines() if "==" in line)
    return {_normalise(name): version.strip() for name, _, version in rows}


def missing_packages(wanted: Sequence[str]) -> list[str]:
    """What this Python lacks, or has in another version than the one the project is tested with."""
    pinned = pins()
    missing = []
    for line in wanted:
        name = package_name(line)
        if not _is_for_this_system(line):
            continue
        try:
            installed = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            missing.append(name)
        else:
            version = pinned.get(name, installed)
            if installed != version:
                missing.append(f"{name} {version} (has {installed})")
    return missing


def _is_for_this_system(line: str) -> bool:
    """The one marker in use: without a package yet, there is no parser for all of them."""
    return not ("sys_platform != 'win32'" in line and sys.platform == "win32")


def _normalise(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name.strip()).lower()


def _find_or_make(command: str, extras: Sequence[str], wanted: Sequence[str]) -> Path:
    folders = (CHECKOUT_ENVIRONMENT, find_home() / "venv")
    for folder in folders:
        if stamp_fits(folder, extras):
            return folder
    if command not in SELF_SUFFICIENT:
        lacks = ", ".join(missing_packages(wanted))
        raise SetupError(
            f"this Python ({sys.executable}) lacks {lacks}. "
            "Run `manage.py demo` or `manage.py test` once, or install pyproject.toml's dependencies "
            "with `pip install -c constraints.txt …`."
        )
    folder = next((folder for folder in folders if _is_writable(folder)), folders[-1])
    _make(folder, extras, wanted)
    return folder


def _make(folder: Path, extras: Sequence[str], wanted: Sequence[str]) -> None:
    """Make or complete the environment; a second starter waits, and finds it done."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _locked(folder):
            if stamp_fits(folder, extras):
                return
            if not _runs(folder):
                with _step(f"Making a Python environment in {folder}"):
                    _make_empty(folder)
            stamps = _read_stamps(folder)
            with _step("Installing the dependencies (the first time takes about half a minute)"):
                _install(folder, wanted)
            _write_stamps(folder, {*stamps, stamp([]), stamp(extras)})
    except OSError as error:
        raise SetupError(f"{folder} cannot be written ({error.strerror}).") from error


def _make_empty(folder: Path) -> None:
    for entry in folder.iterdir():
        if entry.name != "lock":
            shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()
    for command in _ways_to_make(folder):
        if subprocess.run(command, capture_output=True, check=False).returncode == 0:
            return
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    raise SetupError(
        f"this Python ({sys.executable}) comes without venv's parts. On Debian and Ubuntu: "
        f"apt-get install python{version}-venv (or python3-virtualenv), then run the command again."
    )


def _ways_to_make(folder: Path) -> Iterator[list[str]]:
    """Debian keeps ensurepip in python3-venv; without it, virtualenv or a pip outside can do."""
    if _has_module("ensurepip"):
        yield [sys.executable, "-m", "venv", str(folder)]
    if _has_module("virtualenv"):
        yield [sys.executable, "-m", "virtualenv", str(folder)]
    virtualenv = shutil.which("virtualenv")
    if virtualenv:
        yield [virtualenv, "--python", sys.executable, str(folder)]
    if _has_module("pip"):
        yield [sys.executable, "-m", "venv", "--without-pip", str(folder)]


def _has_module(name: str) -> bool:
    """An empty folder of that name, as a removed package leaves, does not count."""
    spec = importlib.util.find_spec(name)
    return spec is not None and spec.origin is not None


def _install(folder: Path, wanted: Sequence[str]) -> None:
    pip = [str(_python_of(folder)), "-m", "pip"]
    if subprocess.run([*pip, "--version"], capture_output=True, check=False).returncode != 0:
        pip = [sys.executable, "-m", "pip", "--python", str(_python_of(folder))]
    options = ["--quiet", "--no-input", "--disable-pip-version-check", "-c", str(CONSTRAINTS)]
    reply = subprocess.run(
        [*pip, "install", *options, *wanted],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if reply.returncode != 0:
        tail = "\n".join(reply.stdout.splitlines()[-20:])
        raise SetupError(f"pip could not install the dependencies. Its last words:\n{tail}")


def _runs(folder: Path) -> bool:
    """Whether the environment's Python starts and is new enough (an upgrade of the system may break it)."""
    question = "import sys; sys.exit(sys.version_info < (3, 11))"
    command = [str(_python_of(folder)), "-c", question]
    try:
        if subprocess.run(command, capture_output=True, check=False).returncode != 0:
            return False
    except OSError:
        return False
    has_pip = subprocess.run([command[0], "-m", "pip", "--version"], capture_output=True, check=False)
    return has_pip.returncode == 0 or _has_module("pip")


def _start_over_in(folder: Path) -> NoReturn:
    python = str(_python_of(folder))
    os.environ[ENTERED] = python
    os.environ["VIRTUAL_ENV"] = str(folder)
    os.environ["PATH"] = f"{folder / 'bin'}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    sys.stdout.flush()
    os.execv(python, [python, *sys.argv])  # noqa: S606


def _python_of(folder: Path) -> Path:
    return folder / "bin" / "python"


def stamp(extras: Sequence[str]) -> str:
    """Changes whenever what is to be installed changes."""
    text = "\n".join([*requirements(extras), CONSTRAINTS.read_text()])
    return f"{'+'.join(extras) or 'runtime'} {hashlib.sha256(text.encode()).hexdigest()}"


def stamp_fits(folder: Path, extras: Sequence[str]) -> bool:
    return stamp(extras) in _read_stamps(folder) and _python_of(folder).exists()


def _read_stamps(folder: Path) -> set[str]:
    try:
        return set((folder / STAMP).read_text().splitlines())
    except OSError:
        return set()


def _write_stamps(folder: Path, stamps: set[str]) -> None:
    unfinished = folder / f"{STAMP}.new"
    unfinished.write_text("\n".join(sorted(stamps)))
    unfinished.replace(folder / STAMP)


def _is_writable(folder: Path) -> bool:
    return os.access(folder if folder.exists() else folder.parent, os.W_OK | os.X_OK)


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    with (folder / "lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print(f"Another command is setting up {folder}; waiting for it.", flush=True)
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def _step(words: str) -> Iterator[None]:
    print(f"{words} … ", end="", flush=True)
    began = time.monotonic()
    try:
        yield
    except BaseException:
        print("failed", flush=True)
        raise
    print(f"{time.monotonic() - began:.1f} s", flush=True)
