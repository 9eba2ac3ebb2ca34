"""Keeps a simulator's state in a file, so that a demo finds its people again."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import orjson

from .exchange import Simulator

INTERVAL_S = 1.0


class BadState(Exception):
    """The state file cannot be read; the text names it."""


def load(simulator: Simulator, file: Path) -> bool:
    """Restore the state of an earlier run. False when there is none."""
    try:
        saved = orjson.loads(file.read_bytes())
    except FileNotFoundError:
        return False
    except (OSError, orjson.JSONDecodeError) as error:
        raise BadState(f"State file {file} cannot be read: {error}. Move it away to start over.") from error
    try:
        simulator.restore(saved)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BadState(f"State file {file} is of another version. Move it away to start over.") from error
    return True


def save(simulator: Simulator, file: Path) -> None:
    """Replace the file in one step: a reader or a crash sees the old state or the new one."""
    body = orjson.dumps(simulator.snapshot())
    partial = file.with_name(f".{file.name}.{os.getpid()}")
    with partial.open("wb") as target:
        target.write(body)
        target.flush()
        os.fsync(target.fileno())
    partial.replace(file)


class Saver:
    """Saves at most once a second while there are changes, and once more at the end."""

    def __init__(self, simulator: Simulator, file: Path) -> None:
        self._simulator = simulator
        self._file = file
        self._saved_version = -1
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="saver", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._stop.wait(INTERVAL_S):
            self._save_changes()

    def _save_changes(self) -> None:
        version = self._simulator.version
        if version != self._saved_version:
            save(self._simulator, self._file)
            self._saved_version = version

    def close(self) -> None:
        self._stop.set()
        self._thread.join()
        self._save_changes()
