"""The log of calls: one statement per call, after its answer is made; a failing log never fails the call.

Views need do nothing. Batches say `request.api_items = (received, failed)`; bodies read by `bodies.read` are kept
up to `limits.LOGGED_BYTES`, and so is the answer, unless it is a stream or `request.api_private` is set.
"""

from __future__ import annotations

import logging
import time
import zlib
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import msgspec
from django.conf import settings
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone

from syncapp import secrets
from syncapp.accounts import scope
from syncapp.accounts.keys import Client, Stored
from syncapp.api import bodies, limits
from syncapp.api.addresses import caller_of
from syncapp.api.admission import add_rate_headers, client_of
from syncapp.api.models import ApiCall
from syncapp.api.paths import PREFIXES, raw_path
from syncapp.api.problems import request_id_of
from syncapp.api.redaction import to_clear_path, without_secrets

logger = logging.getLogger(__name__)

REQUEST_HEADERS = (
    "Accept",
    "Content-Type",
    "Idempotency-Key",
    "If-Match",
    "If-None-Match",
    "Prefer",
    "User-Agent",
)
ANSWER_HEADERS = (
    "Allow",
    "Content-Type",
    "ETag",
    "Idempotency-Replayed",
    "Link",
    "Location",
    "Member-Quota",
    "RateLimit",
    "Retry-After",
)
HEADER_CHARS = 500
FORGOTTEN_AT_ONCE = 10_000

# Not waiting for the disk costs, in a crash of the server, the last moments of the log and of nothing else.
WRITE = """
WITH quick AS MATERIALIZED (SELECT set_config('synchronous_commit', 'off', true)), counted AS (
    INSERT INTO api_apiusage AS stored
        (account_id, key_id, day, calls, failed_calls, received_items, failed_items, last_at)
    SELECT %(account)s, %(key)s, (%(at)s AT TIME ZONE 'UTC')::date, 1, %(is_refusal)s, coalesce(%(received)s, 0),
        coalesce(%(failed)s, 0), %(at)s
    ON CONFLICT (account_id, key_id, day) DO UPDATE SET
        calls = stored.calls + 1,
        failed_calls = stored.failed_calls + EXCLUDED.failed_calls,
        received_items = stored.received_items + EXCLUDED.received_items,
        failed_items = stored.failed_items + EXCLUDED.failed_items,
        last_at = greatest(stored.last_at, EXCLUDED.last_at)
)
INSERT INTO api_apicall (account_id, key_id, at, method, path, status, code, request_id, took_ms,
    received_items, failed_items, request_bytes, answer_bytes, replay_of, sealed)
SELECT %(account)s, %(key)s, %(at)s, %(method)s, %(path)s, %(status)s, %(code)s, %(request_id)s, %(took_ms)s,
    %(received)s, %(failed)s, %(request_bytes)s, %(answer_bytes)s, %(replay_of)s, %(sealed)s
FROM quick
"""
COUNT_REFUSED = """
WITH quick AS MATERIALIZED (SELECT set_config('synchronous_commit', 'off', true))
INSERT INTO api_refusedcalls AS stored (day, calls)
SELECT (statement_timestamp() AT TIME ZONE 'UTC')::date, 1 FROM quick
ON CONFLICT (day) DO UPDATE SET calls = stored.calls + 1
"""
COUNT_ENDED = """
WITH quick AS MATERIALIZED (SELECT set_config('synchronous_commit', 'off', true))
INSERT INTO api_apiusage AS stored (account_id, key_id, day, refused_calls, last_at)
SELECT %s, %s, (statement_timestamp() AT TIME ZONE 'UTC')::date, 1, statement_timestamp() FROM quick
ON CONFLICT (account_id, key_id, day) DO UPDATE SET
    refused_calls = stored.refused_calls + 1, last_at = EXCLUDED.last_at
"""

FORGET = """
DELETE FROM api_apicall WHERE (account_id, id) IN (
    SELECT account_id, id FROM api_apicall WHERE at < %(before)s LIMIT %(most)s
)
"""


class Kept(msgspec.Struct, omit_defaults=True):
    """What is sealed of a call. Bodies are None where they were not kept."""

    path: str
    query: str
    address: str
    scopes: list[str]
    request_headers: dict[str, str]
    answer_headers: dict[str, str]
    request: bytes | None = None
    answer: bytes | None = None
    had_body: bool = False
    is_masked: bool = False  # the request held a secret, which was not kept


class CallMiddleware:
    """Stands before all that makes answers under /api/ and /compat/."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if not f"{raw_path(request)}/".startswith(PREFIXES):
            return self.get_response(request)
        at, began = timezone.now(), time.perf_counter()
        response = self.get_response(request)
        add_rate_headers(request, response)
        note(request, response, at, (time.perf_counter() - began) * 1000)
        return response


def note(request: HttpRequest, response: HttpResponseBase, at: datetime, took_ms: float) -> None:
    client = client_of(request)
    try:
        if client is not None:
            record(client, request, response, at, took_ms)
        elif response.status_code == 401 or hasattr(request, "api_refused"):
            count_refused(getattr(request, "api_refused", None))
    except Exception:  # the call has been answered; its log may not change that
        logger.exception("Call %s could not be logged", request_id_of(request))


def record(
    client: Client, request: HttpRequest, response: HttpResponseBase, at: datetime, took_ms: float
) -> None:
    received, failed = getattr(request, "api_items", (None, None))
    request_id = request_id_of(request)
    answer = response.content if isinstance(response, HttpResponse) else None
    kept = to_kept(client, request, response, answer)
    values = {
        "account": client.account_id,
        "key": client.key_id,
        "at": at,
        "method": str(request.method)[:10],
        "path": to_clear_path(request),
        "status": response.status_code,
        "is_refusal": int(response.status_code >= 400),
        "code": str(getattr(response, "api_code", ""))[:60],
        "request_id": request_id,
        "took_ms": round(took_ms, 2),
        "received": received,
        "failed": failed,
        "request_bytes": getattr(request, "api_body_bytes", None),
        "answer_bytes": None if answer is None else len(answer),
        "replay_of": getattr(request, "replay_of", ""),
        "sealed": seal(kept, client.account_id, request_id),
    }
    with scope.account(client.account_id), connection.cursor() as cursor:
        cursor.execute(WRITE, values)


def to_kept(client: Client, request: HttpRequest, response: HttpResponseBase, answer: bytes | None) -> Kept:
    kept = Kept(
        path=raw_path(request),
        query=request.META.get("QUERY_STRING", ""),
        address=caller_of(request),
        scopes=sorted(client.scopes),
        request_headers=chosen(request.headers, REQUEST_HEADERS),
        answer_headers=chosen(response.headers, ANSWER_HEADERS),
        had_body=not bodies.is_absent(request),
    )
    if getattr(request, "api_private", False):
        return kept
    body: bytes | None = getattr(request, "api_body", None)
    if body is None and kept.had_body:
        body = bodies.read_unread(request)
    kept.request = None if body is None else without_secrets(body)
    kept.is_masked = kept.request != body
    if answer is not None and len(answer) <= limits.LOGGED_BYTES:
        kept.answer = without_secrets(answer)
    return kept


def chosen(headers: Any, names: tuple[str, ...]) -> dict[str, str]:
    return {name: headers[name][:HEADER_CHARS] for name in names if name in headers}


def seal(kept: Kept, account_id: int, request_id: str) -> str:
    """Packed before it is sealed: ciphertext cannot be."""
    packed = zlib.compress(msgspec.msgpack.encode(kept), 1)
    return secrets.ring().seal(packed, bound_to(account_id, request_id))


def unseal(call: ApiCall) -> Kept:
    """Raises `secrets.CannotOpen` where the key is no longer there."""
    packed = secrets.ring().open(call.sealed, bound_to(call.account_id, call.request_id))
    return msgspec.msgpack.decode(zlib.decompress(packed), type=Kept)


def bound_to(account_id: int, request_id: str) -> bytes:
    return f"{ApiCall._meta.db_table}|{request_id}|sealed|{account_id}|v1".encode()


def count_refused(stored: Stored | None) -> None:
    """With the right secret of a key that has ended, it is that key's; else nobody knows whose call it was."""
    if stored is None or stored.account_id is None:
        with connection.cursor() as cursor:
            cursor.execute(COUNT_REFUSED)
        return
    with scope.account(stored.account_id), connection.cursor() as cursor:
        cursor.execute(COUNT_ENDED, [stored.account_id, stored.key_id])


def forget_old(most: int = FORGOTTEN_AT_ONCE) -> int:
    """Delete some calls older than `API_CALLS_DAYS`, for the accounts in scope. Returns how many; 0 when done."""
    before = timezone.now() - timedelta(days=settings.API_CALLS_DAYS)
    with connection.cursor() as cursor:
        cursor.execute(FORGET, {"before": before, "most": most})
        return int(cursor.rowcount)
