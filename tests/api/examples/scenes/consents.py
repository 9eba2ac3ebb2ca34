"""Consents: recorded, stale ones, the ledger."""

from __future__ import annotations

from audiences.models import Objective
from syncapp.accounts import scope
from tests.api.examples.recording import Recorder

PATH = "/contacts/c-1/consents/newsletter"
GRANTED = {
    "state": "granted",
    "occurred_at": "2026-01-10T09:00:00Z",
    "source": "Sign-up form",
    "method": "double_opt_in",
    "proof": {"ip": "192.0.2.1", "url": "https://shop.example/sign-up", "text_version": "3"},
}


def record(recorder: Recorder) -> None:
    with scope.account(recorder.account):
        Objective.objects.create(account=recorder.account, key="newsletter", label="Newsletter")
    recorder.send("PUT", "/contacts/c-1", {"email": "jan@example.nl"})
    call = recorder.call
    call("Double opt-in", "PUT", PATH, GRANTED)
    denied = {"state": "denied", "occurred_at": "2026-01-20T18:30:00Z", "source": "Unsubscribe link"}
    call("Withdrawn", "PUT", PATH, denied)
    late = {"state": "granted", "occurred_at": "2026-01-15T08:00:00Z", "source": "Import of spring"}
    call("Too late", "PUT", PATH, late)
    call("No such purpose", "PUT", "/contacts/c-1/consents/postcards", {**GRANTED})
    call("The ledger", "GET", "/contacts/c-1/consents")
