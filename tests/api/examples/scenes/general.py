"""What any operation can answer."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from django.db import connection
from django.test import override_settings
from django.utils import timezone

from audiences.models import push_settings
from syncapp.accounts import keys, scope
from syncapp.accounts.models import ApiKey
from syncapp.api import idempotency, limits, tokens
from syncapp.api.models import AccessToken
from tests.api.conftest import Api
from tests.api.examples.recording import Recorder

PATH = "/audiences/vip-2024"


def record(recorder: Recorder) -> None:
    recorder.call("All limits", "GET", "/limits")
    keys_and_scopes(recorder)
    bodies(recorder)
    headers(recorder)
    switched_off(recorder)
    networks(recorder)
    rates(recorder)


def keys_and_scopes(recorder: Recorder) -> None:
    recorder.call("No key", "GET", PATH, AUTHORIZATION="")
    _, key = keys.issue(recorder.account, "Reader", [ApiKey.Scope.AUDIENCES_READ])
    recorder.call_as("Lacks a scope", Api(key), "PUT", PATH, {"name": "VIP 2024"})
    client = keys.check(key)
    with scope.account(recorder.account):
        token = tokens.issue(client, client.scopes)
        AccessToken.objects.update(expires_at=timezone.now() - timedelta(minutes=1))
    recorder.call_as("An old token", Api(token), "GET", PATH)


def bodies(recorder: Recorder) -> None:
    call = recorder.call
    call("Broken JSON", "PUT", PATH, '{"name": "VIP 2024"')
    call("Not JSON", "PUT", PATH, "name=VIP", CONTENT_TYPE="application/x-www-form-urlencoded")
    bomb = gzip.compress(b" " * (limits.DECOMPRESSED_BYTES + 1))
    answer = recorder.send("PUT", PATH, bomb, CONTENT_ENCODING="gzip")
    recorder.keep("Unpacks to too much", recorder.request("PUT", PATH, None, {}), answer)
    call("Not valid", "PUT", PATH, {"name": "", "unknown_contacts": "guess"})


def headers(recorder: Recorder) -> None:
    call = recorder.call
    call("Not a version", "PUT", PATH, {"name": "VIP 2024"}, IF_MATCH="forty-two")
    call("No JSON wanted", "GET", PATH, ACCEPT="text/html")
    call("Unknown parameter", "GET", f"{PATH}/members?limt=5")
    recorder.call_beside("limits_get", "Wrong method", "PATCH", "/limits")
    recorder.call_beside("limits_get", "No such path", "GET", "/audience")
    recorder.call_beside("audience_get", "Unreadable host", "GET", PATH, HOST="no such host")
    with another_holds("3f9a5b1c", recorder):
        call("Still running", "PUT", PATH, {"name": "VIP 2024"}, IDEMPOTENCY_KEY='"3f9a5b1c"')


@contextmanager
def another_holds(idempotency_key: str, recorder: Recorder) -> Iterator[None]:
    """Another call with this key is at work."""
    key_id = keys.check(recorder.api.key).key_id
    lock = idempotency.Call(recorder.account.pk, key_id, idempotency_key, b"").lock
    other = connection.copy()
    try:
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s)", [lock])
            yield
    finally:
        other.close()


def switched_off(recorder: Recorder) -> None:
    with scope.account(recorder.account):
        wanted = push_settings(recorder.account.pk)
        wanted.is_enabled = False
        wanted.save()
        recorder.call("Switched off", "GET", PATH)
        wanted.is_enabled = True
        wanted.save()


def networks(recorder: Recorder) -> None:
    _, key = keys.issue(
        recorder.account, "Elsewhere", [ApiKey.Scope.AUDIENCES_READ], networks=["192.0.2.0/24"]
    )
    recorder.call_as("From elsewhere", Api(key), "GET", PATH)


def rates(recorder: Recorder) -> None:
    with override_settings(API_REQUESTS_PER_MINUTE=1):
        recorder.call("Too many calls", "GET", PATH)
