"""What handlers in worker processes did, as lines of a file that the test reads."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

VARIABLE = "SYNCAPP_TEST_DIARY"


@dataclass(frozen=True)
class Entry:
    at_s: float
    pid: int
    account_id: str
    kind: str
    key: str
    what: str


def path() -> Path:
    return Path(os.environ[VARIABLE])


def write(account_id: object, kind: str, key: str, what: str) -> None:
    """One short append: lines of several processes do not mix."""
    with path().open("a") as file:
        file.write(f"{time.time()} {os.getpid()} {account_id} {kind} {key} {what}\n")


def read(path: Path) -> list[Entry]:
    if not path.exists():
        return []
    rows = (line.split(" ", 5) for line in path.read_text().splitlines())
    return [Entry(float(at_s), int(pid), *rest) for at_s, pid, *rest in rows]
