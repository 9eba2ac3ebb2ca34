"""Kinds of alerts as a package above would register them, a receiver of webhooks, and work done in this process."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from django.utils import timezone

from syncapp.accounts import scope
from syncapp.accounts.models import Account
from syncapp.notices import kinds, raise_alert, register_kind, register_sources
from syncapp.notices.models import Delivery, Mail
from syncapp.work import execute
from syncapp.work.models import Wakeup

FAILED = {
    "kind": "run_failed",
    "subject": "goal:7",
    "subject_label": "Newsletter readers",
    "source": "connection:5",
    "url": "/admin/",
    "title": "The export to “News” failed",
    "words": "Enter new credentials, then run it again.",
}


@pytest.fixture
def known_kinds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kinds, "_kinds", {kinds.WEBHOOK_STOPPED: kinds.get(kinds.WEBHOOK_STOPPED)})
    monkeypatch.setattr(kinds, "_source_finders", [])
    register_kind("run_failed", "Run failed", default_on=True)
    register_kind("run_warnings", "Run completed with warnings", default_on=False)
    register_kind("run_held", "Run held", default_on=True, help="It waits until somebody approves its plan.")
    register_sources(
        lambda account_id: [("connection:5", "Weekly letter"), ("connection:6", "Service mails")]
    )


@pytest.fixture
def raise_failed(known_kinds: None) -> Callable[..., int]:
    """`raise_failed(account, subject="goal:8")`."""

    def raise_it(account: Account, **fields: Any) -> int:
        return raise_alert(account_id=account.pk, **{**FAILED, **fields})

    return raise_it


@pytest.fixture
def work(db: None, known_kinds: None) -> Callable[[], None]:
    """Do what is due now, and what follows from it."""
    return lambda: execute.run(0)


def pass_time(account: Account, time: timedelta) -> None:
    """As if so much later: what waits came that much nearer."""
    with scope.account(account):
        for model, names in ((Mail, ["next_attempt_at"]), (Delivery, ["next_attempt_at", "created_at"])):
            for row in model.objects.filter(state="waiting"):
                for name in names:
                    setattr(row, name, getattr(row, name) - time)
                row.save(update_fields=names)
        Wakeup.objects.update(due_at=timezone.now())


@dataclass
class Receiver:
    """Answers `status` and keeps what came: (headers in lower case, body)."""

    url: str = ""
    status: int = 204
    headers: dict[str, str] = field(default_factory=dict)
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)


@pytest.fixture
def receiver(settings: Any) -> Iterator[Receiver]:
    settings.EGRESS_LOOPBACK = True
    state = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            state.got.append(({name.lower(): value for name, value in self.headers.items()}, body))
            self.send_response(state.status)
            for name, value in state.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state.url = f"http://127.0.0.1:{server.server_port}/hooks?key=secret-in-the-address"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield state
    server.shutdown()
    server.server_close()
