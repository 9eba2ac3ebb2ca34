"""What a demo keeps in its SYNCAPP_HOME, and that only one demo uses it at a time."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from syncapp.database.errors import EmbeddedServerError

KEY_FILE = "demo_api_key"
DOCS_KEY_FILE = "demo_docs_key"  # the documentation fills it in for whoever opens it
STATE_FILE = "simulator.campaign_monitor.json"
LOCK_FILE = "demo.lock"
CALLED_FILE = "demo_called"


class InUse(Exception):
    """Another demo runs on this home; the text says where."""


def make_logs(home: Path) -> Path:
    """The folder of the children's output. It may name people: for this user only."""
    logs = home / "logs"
    logs.mkdir(mode=0o700, parents=True, exist_ok=True)
    return logs


@contextmanager
def claimed(home: Path) -> Iterator[Path]:
    """Hold the home while the demo runs. The lock file tells a second starter where the first one is."""
    try:
        home.mkdir(parents=True, exist_ok=True)
        lock = (home / LOCK_FILE).open("a+")
    except OSError as error:
        raise EmbeddedServerError(
            f"The data folder {home} cannot be written ({error.strerror}). "
            "Set SYNCAPP_HOME to a folder you may write to."
        ) from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise InUse(lock.read().strip() or "It is just starting.") from None
        note(home, f"It is process {os.getpid()}, just starting.")
        yield home
        note(home, "")


def note(home: Path, words: str) -> None:
    (home / LOCK_FILE).write_text(words)


def forget(home: Path) -> None:
    """What --reset removes beside the database."""
    for name in (KEY_FILE, DOCS_KEY_FILE, STATE_FILE, CALLED_FILE):
        (home / name).unlink(missing_ok=True)


def keep_key(home: Path, key: str, name: str = KEY_FILE) -> None:
    """Store an API key of the demo so that a later start can show it again; readable by this user only."""
    unfinished = home / f"{name}.new"
    unfinished.unlink(missing_ok=True)
    with os.fdopen(os.open(unfinished, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
        file.write(key)
    unfinished.replace(home / name)


def kept_key(home: Path, name: str = KEY_FILE) -> str:
    """The stored key; empty when there is none."""
    try:
        return (home / name).read_text().strip()
    except FileNotFoundError:
        return ""


def has_called(home: Path) -> bool:
    """Whether the calls of `syncapp.demo.calling` were made."""
    return (home / CALLED_FILE).exists()


def note_called(home: Path) -> None:
    (home / CALLED_FILE).touch()
