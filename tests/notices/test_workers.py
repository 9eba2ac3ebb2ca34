"""Through a real worker process, a real mail server and a real receiver, from a committed alert on."""

from __future__ import annotations

import json
import socketserver
import threading
from collections.abc import Iterator

import pytest

from syncapp.accounts import scope
from syncapp.notices import endpoints, raise_alert, resolve_alert
from syncapp.notices.models import Mail
from tests.api.conftest import api_of  # noqa: F401  a fixture
from tests.notices.test_webhooks import is_signed
from tests.work.process import wait_until

pytestmark = pytest.mark.worker
STOPPED = {"kind": "webhook_stopped", "subject": "webhook:1"}


class MailServer(socketserver.ThreadingTCPServer):
    """Just enough SMTP; keeps the messages."""

    allow_reuse_address = daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Conversation)
        self.messages: list[str] = []


class Conversation(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        self.wfile.write(b"220 here\r\n")
        for line in self.rfile:
            verb = line[:4].upper().strip()
            if verb == b"DATA":
                self.wfile.write(b"354 go on\r\n")
                self.take_message()
            elif verb == b"QUIT":
                self.wfile.write(b"221 bye\r\n")
                return
            self.wfile.write(b"250 fine\r\n")

    def take_message(self) -> None:
        lines = list(iter(self.rfile.readline, b".\r\n"))
        self.server.messages.append(b"".join(lines).decode())  # type: ignore[attr-defined]


@pytest.fixture
def mail_server() -> Iterator[MailServer]:
    with MailServer() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def test_an_alert_reaches_people_and_systems_once(worker, ann, ann_account, receiver, mail_server):
    with scope.account(ann_account):
        endpoints.make_endpoint(account=ann_account, name="Service desk", url=receiver.url)
    worker(
        SYNCAPP_EMAIL_BACKEND="django.core.mail.backends.smtp.EmailBackend",
        SYNCAPP_EMAIL_HOST="127.0.0.1",
        SYNCAPP_EMAIL_PORT=str(mail_server.server_address[1]),
        SYNCAPP_EGRESS_LOOPBACK="yes",
    )
    for number in range(5):
        raise_alert(
            account_id=ann_account.pk,
            subject_label="Service desk",
            url="/admin/",
            title=f"Raised {number}",
            words="",
            **STOPPED,
        )
    wait_until(lambda: mail_server.messages and receiver.got, 20, "the mail and the message")
    resolve_alert(account_id=ann_account.pk, **STOPPED)
    wait_until(lambda: len(mail_server.messages) == 2 and len(receiver.got) == 2, 20, "the end")
    assert "To: ann@agency.example" in mail_server.messages[0]
    assert "Resolved: Service desk" in mail_server.messages[1]
    assert [json.loads(body)["type"] for _, body in receiver.got] == ["alert.raised", "alert.resolved"]
    with scope.account(ann_account):
        wait_until(lambda: not Mail.objects.exclude(state="sent").exists(), 20, "the book-keeping")
        assert Mail.objects.count() == 2


def test_a_stream_of_calls_reaches_a_system_as_few_messages(worker, ann_account, api_of, receiver):  # noqa: F811
    """From the call over the commit and the worker to the receiver, signed with the secret the call answered."""
    api = api_of(ann_account)
    worker(SYNCAPP_EGRESS_LOOPBACK="yes")
    hook = api.post(
        "/webhooks", {"url": receiver.url, "events": ["audience.created", "membership.changed"]}
    ).json()
    api.put("/audiences/vip", {"name": "VIP", "unknown_contacts": "create"})
    wait_until(lambda: len(receiver.got) == 1, 20, "the audience")
    for number in range(20):
        assert api.batch("vip", {"add": [f"c-{number}"]}).status_code == 200
    wait_until(lambda: added_in(receiver) == 20, 40, "the members")
    assert len(receiver.got) <= 4
    assert all(is_signed(headers, body, hook["secret"]) for headers, body in receiver.got)


def added_in(receiver) -> int:
    return sum(json.loads(body)["data"].get("added", 0) for _, body in receiver.got)
