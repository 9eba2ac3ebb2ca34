"""One HTTP call: deadlines, size caps, no redirects, no retries, and a record of what went over the wire.

What a status or an ESP's own code means is the connector's to say; here only the wire is judged.
"""

import logging
import time
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import quote, urlencode

import httpx
import orjson

from connectors.esp.auth import Auth
from connectors.esp.deadline import DeadlineTransport
from connectors.esp.errors import ConnectorError, NotFound, TryAgain
from connectors.esp.exchange import Exchange, Record, Request
from connectors.esp.pace import EPOCH_S, Pace
from connectors.esp.redaction import Redactor
from connectors.esp.rules import WIRE_RULES, Wire, status_rule

CONNECT_S = 3.0
READ_S = 10.0
TOTAL_S = 30.0
HEAVY_READ_S = 120.0
MAX_BODY_BYTES = 5_000_000
MAX_UNPACKED_BYTES = 20_000_000
MAX_RETRY_AFTER_S = 86_400.0

_BOM = b"\xef\xbb\xbf"
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


Judge = Callable[[Reply, Call], ConnectorError | None]
"""What an answer means to the ESP's own rules; None when it is no failure of the call."""


class Http:
    """Calls below one base address with one set of credentials; safe for ``threads`` threads at once."""

    def __init__(
        self,
        base_url: str,
        auth: Auth,
        *,
        connector: str,
        record: Record | None,
        threads: int,
        pace: Pace | None = None,
        judge: Judge | None = None,
    ) -> None:
        url = httpx.URL(base_url)
        if url.scheme not in ("http", "https") or not url.host:
            raise ValueError("The ESP's base address must start with http:// or https://.")
        self._base_url = base_url.rstrip("/") + "/"
        self._auth = auth
        self._connector = connector
        self._record = record
        self._pace = pace
        self._judge = judge or judge_by_status
        self._redactor = Redactor(auth.secrets())
        self._transport = DeadlineTransport(connections=threads)

    def close(self) -> None:
        self._transport.close()
        if self._pace is not None:
            self._pace.close()

    def call(self, call: Call) -> Reply:
        """Send once, when the pace allows. Raises what `Pace.before` does, else Unreachable, Ambiguous or
        Unexpected; any answered status below 300 or from 400 up is a Reply.
        """
        if self._pace is None:
            return self._exchange(call)[0]
        self._pace.before(call)
        status: int | None = None
        headers: Mapping[str, str] = {}
        error: ConnectorError | None = None
        try:
            reply, headers = self._exchange(call)
            status, error = reply.status, self._judge(reply, call)
            return reply
        except ConnectorError as failure:
            status, error = failure.status, failure
            raise
        finally:
            self._pace.after(status, headers, error)

    def _exchange(self, call: Call) -> tuple[Reply, Mapping[str, str]]:
        """The answer, and its headers by lower-case names."""
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
            return _reply(response, received, call), response.headers
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
            return wire_failure(Wire.NOT_HTTP, call)
        if not self._transport.deadline.sent:
            return wire_failure(Wire.NOT_SENT, call)
        is_slow = isinstance(error, httpx.TimeoutException)
        return wire_failure(Wire.SLOW if is_slow else Wire.LOST, call, status)

    def _keep(self, exchange: Exchange, record: Record) -> None:
        try:
            record(exchange)
        except Exception:  # noqa: BLE001 - the ESP has acted: a failing notebook must not make that a failure
            _log.exception("A call to %s could not be recorded.", exchange.connector)


def judge_by_status(reply: Reply, call: Call) -> ConnectorError | None:
    return None if reply.is_success else error_of(reply, call)


def error_of(reply: Reply, call: Call, code: str = "") -> ConnectorError:
    """What a status means when the ESP's own code says nothing more."""
    rule = status_rule(reply.status, call.operation, repeatable=call.repeatable)
    about: dict[str, Any] = {"operation": call.operation, "status": reply.status, "code": code}
    if issubclass(rule.kind, TryAgain):
        about["retry_after_s"] = reply.retry_after_s
    return rule.kind(rule.words, **about, may_split=rule.may_split)


def wire_failure(wire: Wire, call: Call, status: int | None = None) -> ConnectorError:
    """The error for an answer that did not come, or cannot be read."""
    rule = WIRE_RULES[wire]
    kind = rule.kind_for(repeatable=call.repeatable)
    return kind(rule.words, operation=call.operation, status=status)


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
    status = response.status_code
    encoding = response.headers.get("content-encoding", "").strip().lower()
    if encoding not in ("", "identity", "gzip", "deflate"):
        if status >= 400:  # it says enough without its body
            return b""
        raise wire_failure(Wire.PACKED, call, status)
    unpack = zlib.decompressobj(wbits=47) if encoding in ("gzip", "deflate") else None
    body, raw_bytes = bytearray(), 0
    for chunk in response.iter_raw():
        raw_bytes += len(chunk)
        if raw_bytes > MAX_BODY_BYTES:
            raise wire_failure(Wire.TOO_LARGE, call, status)
        try:
            body += chunk if unpack is None else unpack.decompress(chunk, MAX_UNPACKED_BYTES + 1 - len(body))
        except zlib.error:
            raise wire_failure(Wire.NOT_UNPACKED, call, status) from None
        if len(body) > MAX_UNPACKED_BYTES:
            raise wire_failure(Wire.TOO_LARGE, call, status)
    if unpack is not None and raw_bytes and not unpack.eof:
        raise wire_failure(Wire.NOT_UNPACKED, call, status)
    return bytes(body)


def _reply(response: httpx.Response, received: bytes, call: Call) -> Reply:
    status = response.status_code
    if 300 <= status < 400:
        raise error_of(Reply(status, None), call)
    content = received.removeprefix(_BOM).strip()
    try:
        body = orjson.loads(content) if content else None
    except orjson.JSONDecodeError:
        if status < 300:
            wire = Wire.PAGE if content[:1] == b"<" else Wire.BROKEN
            raise wire_failure(wire, call, status) from None
        body = None
    return Reply(status, body, retry_after_s(response.headers))


def retry_after_s(headers: Mapping[str, str], now: datetime | None = None) -> float | None:
    """Seconds to wait by ``Retry-After`` (seconds or a date), else by ``X-RateLimit-Reset`` (seconds, or since 1970).

    None when neither is there or readable. Never negative, at most a day.
    """
    for name in ("retry-after", "x-ratelimit-reset"):
        text = headers.get(name, "").strip()
        seconds = _seconds(text) if text else None
        if seconds is None and name == "retry-after" and text:
            seconds = _seconds_until(text, now or datetime.now(UTC))
        if seconds is not None and seconds > EPOCH_S:
            seconds -= (now or datetime.now(UTC)).timestamp()
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
