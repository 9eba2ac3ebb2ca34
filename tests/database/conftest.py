"""Homes of embedded servers that no other test shares; stopped and removed afterwards."""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from syncapp.database import binaries, embedded
from syncapp.database.errors import EmbeddedServerError
from syncapp.database.place import find_place

MakeHome = Callable[[Path], Path]


@pytest.fixture
def make_home(monkeypatch: pytest.MonkeyPatch, open_folder: Path) -> Iterator[MakeHome]:
    """Gives a home inside the folder, and cleans up after the server that will live there.

    Needs open_folder so that the server is stopped before its folder goes.
    """
    homes: list[Path] = []

    def make(folder: Path) -> Path:
        homes.append(folder / "home")
        return folder / "home"

    yield make
    monkeypatch.undo()  # stopping may need programs that the test hid
    for home in homes:
        remove(home)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder every user may enter (pytest's own are closed to others)."""
    folder = make_open_folder()
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def home(make_home: MakeHome, open_folder: Path) -> Path:
    return make_home(open_folder)


@pytest.fixture(scope="module")
def shared_home() -> Iterator[Path]:
    """One home for the tests of a module that leave the server as they found it."""
    folder = make_open_folder()
    yield folder / "home"
    remove(folder / "home")
    shutil.rmtree(folder)


def make_open_folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="syncapp-test-", dir="/var/tmp"))
    folder.chmod(0o755)
    return folder


def remove(home: Path) -> None:
    with contextlib.suppress(EmbeddedServerError):
        embedded.stop(home)
        shutil.rmtree(find_place(home).folder)


@pytest.fixture(params=["system", "wheel"])
def kind(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both sets of programs, one after the other."""
    monkeypatch.delenv("PG_BINDIR", raising=False)
    monkeypatch.setenv("SYNCAPP_POSTGRES", request.param)
    if not list(binaries.find_all()):
        missing = f"no PostgreSQL of the kind {request.param} here"
        if os.environ.get("CI"):
            pytest.fail(missing)
        pytest.skip(missing)
    return str(request.param)
