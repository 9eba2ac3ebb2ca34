"""What the tests of background work share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from syncapp.accounts import scope
from syncapp.accounts.models import Account
from syncapp.work import execute, registry
from syncapp.work.models import Wakeup
from syncapp.work.registry import Answer, Handle
from tests.work import diary
from tests.work.diary import Entry
from tests.work.process import WorkerProcess, wait_until

FAST = {"SYNCAPP_LEASE_S": "3", "SYNCAPP_SLICE_S": "4", "SYNCAPP_RETRY_S": "1", "SYNCAPP_HANG_S": "3"}


class Diary:
    """The entries of a kind, oldest first."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def entries(self, kind: str = "", key: str = "", what: str = "") -> list[Entry]:
        return [
            entry
            for entry in diary.read(self.path)
            if entry.kind.startswith(kind) and key in ("", entry.key) and entry.what.startswith(what)
        ]

    def wait_for(self, number: int, timeout_s: float = 15, **which: str) -> list[Entry]:
        wait_until(lambda: len(self.entries(**which)) >= number, timeout_s, f"{number} × {which}")
        return self.entries(**which)

    def let_go(self, key: str) -> None:
        """Handlers of kind test.slow stop waiting."""
        (self.path.parent / key).touch()


@pytest.fixture
def entries(tmp_path: Path) -> Diary:
    return Diary(tmp_path / "diary")


@pytest.fixture
def test_worker(worker: Callable[..., WorkerProcess], entries: Diary) -> Callable[..., WorkerProcess]:
    """A worker that knows the handlers of `tests.work.handlers`, with waits short enough for tests."""

    def start(**options: object) -> WorkerProcess:
        fast = {
            **FAST,
            diary.VARIABLE: str(entries.path),
            "settings_module": "tests.work.settings",
            **options,
        }
        return worker(**fast)

    return start


@pytest.fixture
def answering(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Register a handler for this test only; `execute.run` in this process then calls it."""
    monkeypatch.setattr(registry, "answers", {})
    monkeypatch.setattr(execute, "served", [])

    def register(kind: str, function: Handle, lease_s: float = registry.LEASE_S) -> None:
        registry.add(Answer(kind, lease_s, function))

    return register


@pytest.fixture
def wakeup_of(db: None) -> Callable[..., Wakeup | None]:
    def find(account: Account, kind: str, key: str) -> Wakeup | None:
        with scope.account(account):
            return Wakeup.objects.filter(kind=kind, key=key).first()

    return find
