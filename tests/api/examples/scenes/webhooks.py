"""Webhooks: made, tried, looked after, taken away."""

from __future__ import annotations

from unittest import mock

from syncapp.api import limits
from tests.api.examples.recording import Recorder

NEW = {
    "url": "https://shop.example.com/hooks/syncapp",
    "name": "Web shop",
    "events": ["sync.completed", "contact.erased"],
}


def record(recorder: Recorder) -> None:
    call = recorder.call
    webhook = call("Created", "POST", "/webhooks", NEW).json()["id"]
    path = f"/webhooks/{webhook}"
    with mock.patch.object(limits, "WEBHOOKS_PER_ACCOUNT", 1):
        call("One too many", "POST", "/webhooks", {**NEW, "name": "CRM"})
    call("All of them", "GET", "/webhooks")
    call("A webhook", "GET", path)
    call("Change what it hears", "PATCH", path, {"events": ["sync.completed", "sync.failed"]})
    call("A second secret", "POST", f"{path}/rotate-secret")
    message = call("A message on its way", "POST", f"{path}/test").json()["id"]
    call("Messages", "GET", f"{path}/deliveries")
    call("A message", "GET", f"{path}/deliveries/{message}")
    call("Sent again", "POST", f"{path}/deliveries/{message}/redeliver")
    call("No such message", "GET", f"{path}/deliveries/987654321")
    recorder.send("PATCH", path, {"enabled": False})
    call("Switched off", "POST", f"{path}/test")
    call("Deleted", "DELETE", path)
    call("No such webhook", "GET", path)
