"""One HTTP call: deadlines, size caps, no redirects, no retries, and a record of what went over the wire.

What a status or an ESP's own code means is the connector's to say; here only the wire is judged.
"""

import logging
import time
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import quote, urlencode

import httpx
import orjson

from connectors.esp.auth import Auth
from connectors.esp.deadline import DeadlineTransport
from connectors.esp.errors import (
    Ambiguous,
    BadCredentials,
    ConnectorError,
    Forbidden,
    NeedsAttention,
    NotFound,
    RateLimited,
    Refused,
    ServerFailed,
    Unexpected,
    Unreachable,
)
from connectors.esp.exchange import Exchange, Record, Request
from connectors.esp.redaction import Redactor

CONNECT_S = 3.0
READ_S = 10.0
TOTAL_S = 30.0
HEAVY_READ_S = 120.0
MAX_BODY_BYTES = 5_000_000
MAX_UNPACKED_BYTES = 20_000_000
MAX_RETRY_AFTER_S = 86_400.0

_BOM = b"\xef\xbb\xbf"
_UNKNOWN_EFFECT = {500, 502, 504}  # the request may have been carried out before the failure
_BY_STATUS: dict[int, type[NeedsAttention]] = {
    401: BadCredentials,
    403: Forbidden,
    404: NotFound,
    413: Refused,
}
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Call:
    """``operation`` is the contract's verb. ``body``: what becomes JSON, or bytes that are JSON already.

    ``repeatable``: done twice has the effect of done once.
    """

    operation: str
    method: str
    path: str
    query: Mapping[str, str] | None = None
    body: object = None
    repeatable: bool = True
    read_s: float = READ_S
    total_s: float = TOTAL_S


@dataclass(frozen=True, slots=True)
class Reply:
    """``body`` is the JSON, None when it was empty (or, with an error status, not JSON)."""

    status: int
    body: Any
    retry_after_s: float | None = None

    @property
    def is_success(self) -> bool:
        return 200 <= self.status < 300


class Http:
    """Calls below one base address with one set of credentials; safe for ``threads`` threads at once."""

    def __init__(
        self, base_url: str, auth: Auth, *, connector: str, record: Record | None, threads: int
    ) -> None:
        url = httpx.URL(base_url)
        if url.scheme not in ("http", "https") or not url.host:
            raise ValueError("The ESP's base address must start with http:// or https://.")
        self._base_url = base_url.rstrip("/") + "/"
        self._auth = auth
        self._connector = connector
        self._record = record
        self._redactor = Redactor(auth.secrets())
        self._transport = DeadlineTransport(connections=threads)

    def close(self) -> None:
        self._transport.close()

    def call(self, call: Call) -> Reply:
        """Send once. Raises Unreachable, Ambiguous or Unexpected; any answered status below 300 or from 400
        up is a Reply.
        """
        sent, path = _json(call.body), _path(call)
        started_at, start = datetime.now(UTC), time.monotonic()
        status, received, words = None, b"", ""
        self._transport.deadline.start(call.total_s)
        try:
            response = self._send(call, path, sent)
            try:
                status = response.status_code
                received = _read(response, call)
            finally:
                response.close()
            return _reply(response, received, call)
        except httpx.HTTPError as error:
            failure = self._failure(error, call, status)
            words = str(failure)
            raise failure from error
        except ConnectorError as error:
            words = str(error)
            raise
        finally:
            if self._record is not None:
                duration_ms = round((time.monotonic() - start) * 1000)
                self._keep(
                    Exchange(
                        connector=self._connector,
                        operation=call.operation,
                        method=call.method,
                        path=self._redactor.text(path),
                        started_at=started_at,
                        duration_ms=duration_ms,
                        status=status,
                        request_body=self._redactor.body(sent),
                        response_body=self._redactor.body(received),
                        request_bytes=len(sent),
                        response_bytes=len(received),
                        error=words,
                    ),
                    self._record,
                )

    def preview(self, call: Call) -> Request:
        """What `call` would send, as text. Nothing is sent."""
        hide = self._redactor.without_known
        return Request(call.method, hide(_path(call)), hide(_json(call.body).decode()))

    def _send(self, call: Call, path: str, content: bytes) -> httpx.Response:
        headers = {
            "Accept": "application/json",
            "Accept-Encoding": "gzip",
            "Authorization": self._auth.header(),
            "User-Agent": "syncapp",
        }
        if call.body is not None:
            headers["Content-Type"] = "application/json; charset=utf-8"
        request = httpx.Request(
            call.method,
            self._base_url + path,
            headers=headers,
            content=content,
            extensions={
                "timeout": {
                    "connect": CONNECT_S,
                    "pool": CONNECT_S,
                    "read": call.read_s,
                    "write": call.read_s,
                }
            },
        )
        response = self._transport.handle_request(request)
        response.request = request
        return response

    def _failure(self, error: httpx.HTTPError, call: Call, status: int | None) -> ConnectorError:
        if isinstance(error, httpx.LocalProtocolError | httpx.UnsupportedProtocol):
            return Unexpected("The call could not be put into HTTP.", operation=call.operation)
        if not self._transport.deadline.sent:
            return Unreachable("The ESP could not be reached.", operation=call.operation)
        is_slow = isinstance(error, httpx.TimeoutException)
        words = "The ESP did not answer in time." if is_slow else "The ESP's answer was lost on the way."
        kind = Unreachable if call.repeatable else Ambiguous
        return kind(words, operation=call.operation, status=status)

    def _keep(self, exchange: Exchange, record: Record) -> None:
        try:
            record(exchange)
        except Exception:  # noqa: BLE001 - the ESP has acted: a failing notebook must not make that a failure
            _log.exception("A call to %s could not be recorded.", exchange.connector)


def error_of(reply: Reply, call: Call, code: str = "") -> ConnectorError:
    """What a status means when the ESP's own code says nothing more."""
    about: dict[str, Any] = {"operation": call.operation, "status": reply.status, "code": code}
    if reply.status in _UNKNOWN_EFFECT and not call.repeatable:
        return Ambiguous(**about)
    if reply.status == 429:
        return RateLimited(**about, retry_after_s=reply.retry_after_s)
    if reply.status >= 500 or reply.status == 408:
        return ServerFailed(**about, retry_after_s=reply.retry_after_s)
    return _BY_STATUS.get(reply.status, Unexpected)(**about, may_split=reply.status == 413)


def _path(call: Call) -> str:
    return call.path + ("?" + urlencode(call.query, quote_via=quote) if call.query else "")


def _json(body: object) -> bytes:
    if body is None:
        return b""
    return body if isinstance(body, bytes) else orjson.dumps(body)


def segment(value: str) -> str:
    """One part of a path, percent-encoded. Raises NotFound for what would change the path itself."""
    if value in ("", ".", ".."):
        raise NotFound("The list or client that is named has no usable id.")
    return quote(value, safe="")


def _read(response: httpx.Response, call: Call) -> bytes:
    """The body, unpacked. Bounded before and after unpacking: 100 MB of zeros travel as 100 kB."""
    encoding = response.headers.get("content-encoding", "").strip().lower()
    if encoding not in ("", "identity", "gzip", "deflate"):
        raise Unexpected("The ESP's answer is packed in a way we did not ask for.", **_about(response, call))
    unpack = zlib.decompressobj(wbits=47) if encoding in ("gzip", "deflate") else None
    body, raw_bytes = bytearray(), 0
    for chunk in response.iter_raw():
        raw_bytes += len(chunk)
        if raw_bytes > MAX_BODY_BYTES:
            raise Unexpected("The ESP's answer is too large.", **_about(response, call))
        try:
            body += chunk if unpack is None else unpack.decompress(chunk, MAX_UNPACKED_BYTES + 1 - len(body))
        except zlib.error:
            raise Unexpected("The ESP's answer could not be unpacked.", **_about(response, call)) from None
        if len(body) > MAX_UNPACKED_BYTES:
            raise Unexpected("The ESP's answer is too large.", **_about(response, call))
    if unpack is not None and raw_bytes and not unpack.eof:
        raise Unexpected("The ESP's answer could not be unpacked.", **_about(response, call))
    return bytes(body)


def _reply(response: httpx.Response, received: bytes, call: Call) -> Reply:
    status = response.status_code
    if 300 <= status < 400:
        raise Unexpected(
            "The ESP's address answered with a redirect, which is never followed: check the base address.",
            **_about(response, call),
        )
    content = received.removeprefix(_BOM).strip()
    try:
        body = orjson.loads(content) if content else None
    except orjson.JSONDecodeError:
        if status < 300:
            looks_like_page = content[:1] == b"<"
            words = "a web page" if looks_like_page else "broken JSON"
            raise Unexpected(f"The ESP's address answered with {words}.", **_about(response, call)) from None
        body = None
    return Reply(status, body, retry_after_s(response.headers))


def retry_after_s(headers: Mapping[str, str], now: datetime | None = None) -> float | None:
    """Seconds to wait by ``Retry-After`` (seconds or a date), else by ``X-RateLimit-Reset`` (seconds).

    None when neither is there or readable. Never negative, at most a day.
    """
    for name in ("retry-after", "x-ratelimit-reset"):
        text = headers.get(name, "").strip()
        seconds = _seconds(text) if text else None
        if seconds is None and name == "retry-after" and text:
            seconds = _seconds_until(text, now or datetime.now(UTC))
        if seconds is not None:
            return min(max(seconds, 0.0), MAX_RETRY_AFTER_S)
    return None


def _seconds(text: str) -> float | None:
    try:
        seconds = float(text)
    except ValueError:
        return None
    return seconds if seconds == seconds else None  # not NaN


def _seconds_until(text: str, now: datetime) -> float | None:
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    if moment.tzinfo is None:  # "-0000" and missing zones mean UTC in HTTP
        moment = moment.replace(tzinfo=UTC)
    return (moment - now).total_seconds()


def _about(response: httpx.Response, call: Call) -> dict[str, Any]:
    return {"operation": call.operation, "status": response.status_code}
