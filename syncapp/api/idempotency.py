"""`Idempotency-Key`: the same call sent twice has one effect and one answer.

The answer is stored in the transaction of its effect, under an advisory lock that ends with it: a crash leaves
neither effect nor answer nor lock. Remembered for 24 hours per API key: every 2xx and 4xx, except 401, 403,
429 and "in progress".
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

from django.db import connection, transaction
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from syncapp import secrets
from syncapp.accounts.keys import Client
from syncapp.api import limits
from syncapp.api.models import Reply
from syncapp.api.paths import raw_path
from syncapp.api.problems import Problem, to_response
from syncapp.work import crashing

T = TypeVar("T")
KEY = re.compile(rf"[\x21\x23-\x5b\x5d-\x7e]{{1,{limits.IDEMPOTENCY_KEY_CHARS}}}")
KEPT_HEADERS = ("Content-Type", "ETag", "Location", "Retry-After")
NOT_REMEMBERED = (401, 403, 429)


@dataclass(frozen=True, slots=True)
class Call:
    """One call that carries a key, and what makes another call the same one."""

    account_id: int
    key_id: int
    idempotency_key: str
    fingerprint: bytes
    is_secret: bool = False

    @property
    def name(self) -> bytes:
        return f"idempotency/{self.account_id}/{self.key_id}/{self.idempotency_key}".encode()

    @property
    def lock(self) -> int:
        """A signed 64-bit number for PostgreSQL's advisory locks."""
        return int.from_bytes(hashlib.sha256(self.name).digest()[:8], "big", signed=True)

    def seal(self, body: bytes) -> bytes:
        return secrets.ring().seal(body, self.name).encode() if self.is_secret else body

    def open(self, body: bytes) -> bytes:
        return secrets.ring().open(body.decode(), self.name) if self.is_secret and body else body


def call_of(request: HttpRequest, client: Client, body: bytes, is_secret: bool = False) -> Call | None:
    """None without the header. Quoted (as the draft has it) and bare values are the same key."""
    given = request.META.get("HTTP_IDEMPOTENCY_KEY")
    if given is None:
        return None
    value = given.strip()
    if len(value) >= 2 and value[0] == value[-1] == '"':
        value = value[1:-1]
    if not KEY.fullmatch(value):
        raise Problem(
            "invalid_header",
            f"Idempotency-Key must have 1 to {limits.IDEMPOTENCY_KEY_CHARS} visible ASCII characters, quoted or bare.",
        )
    query = request.META.get("QUERY_STRING", "")
    parts = f"{request.method}\n{raw_path(request)}\n{query}\n".encode()
    return Call(client.account_id, client.key_id, value, hashlib.sha256(parts + body).digest(), is_secret)


def once(
    request: HttpRequest,
    client: Client,
    body: bytes,
    prepare: Callable[[], T],
    perform: Callable[[T], HttpResponse],
    *,
    is_secret: bool = False,
) -> HttpResponse:
    """Answer the call: `prepare` checks it without effect, `perform` does it and is remembered with its effect.

    `is_secret`: the answer is remembered encrypted.
    """
    call = call_of(request, client, body, is_secret)
    if call is None:
        return perform(prepare())
    return recall(call) or run(request, call, prepare, perform)


def run(
    request: HttpRequest, call: Call, prepare: Callable[[], T], perform: Callable[[T], HttpResponse]
) -> HttpResponse:
    try:
        prepared = prepare()
    except Problem as problem:
        with transaction.atomic():
            return begin(call) or remember(call, to_response(problem, request))
    with transaction.atomic():
        response = begin(call) or remember(call, attempt(request, perform, prepared))
        crashing.reached("before_commit", "call")
    crashing.reached("after_commit", "call")
    return response


def attempt(request: HttpRequest, perform: Callable[[T], HttpResponse], prepared: T) -> HttpResponse:
    """A refusal takes back what was done, but not the memory of the answer."""
    try:
        with transaction.atomic():
            return perform(prepared)
    except Problem as problem:
        return to_response(problem, request)


def begin(call: Call) -> HttpResponse | None:
    """Take the lock; the stored answer if another call has finished meanwhile."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [call.lock])
        (is_ours,) = cursor.fetchone()
    if not is_ours:
        raise Problem(
            "idempotency_in_progress",
            "A call with this Idempotency-Key is running.",
            headers={"Retry-After": "1"},
        )
    return recall(call)


def recall(call: Call) -> HttpResponse | None:
    since = timezone.now() - timedelta(seconds=limits.IDEMPOTENCY_S)
    stored = (
        Reply.objects.of(call.account_id)
        .filter(key_id=call.key_id, idempotency_key=call.idempotency_key, created_at__gt=since)
        .first()
    )
    if stored is None:
        return None
    if bytes(stored.fingerprint) != call.fingerprint:
        raise Problem("idempotency_key_reused", "This Idempotency-Key was used for another call.")
    headers = {**stored.headers, "Idempotency-Replayed": "true"}
    return HttpResponse(call.open(bytes(stored.body)), status=stored.status, headers=headers)


def remember(call: Call, response: HttpResponse) -> HttpResponse:
    if response.status_code in NOT_REMEMBERED or response.status_code >= 500:
        return response
    Reply.objects.update_or_create(
        account_id=call.account_id,
        key_id=call.key_id,
        idempotency_key=call.idempotency_key,
        defaults={
            "fingerprint": call.fingerprint,
            "status": response.status_code,
            "headers": {name: response.headers[name] for name in KEPT_HEADERS if name in response.headers},
            "body": call.seal(response.content),
            "created_at": timezone.now(),
        },
    )
    return response


def forget_old() -> int:
    """Delete what is no longer remembered, for the accounts in scope. Returns how many."""
    before = timezone.now() - timedelta(seconds=limits.IDEMPOTENCY_S)
    deleted, _ = Reply.objects.filter(created_at__lte=before).delete()
    return int(deleted)
