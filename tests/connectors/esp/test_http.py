"""The wire: deadlines, caps, what was sent before it broke, what is kept. All on a real loopback server."""

import gzip
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from connectors.esp import http as wire
from connectors.esp.auth import Basic
from connectors.esp.errors import (
    Ambiguous,
    BadCredentials,
    ConnectorError,
    Forbidden,
    NotFound,
    RateLimited,
    Refused,
    ServerFailed,
    Unexpected,
    Unknown,
    Unreachable,
)
from connectors.esp.exchange import Exchange
from connectors.esp.http import Call, Http, Reply, error_of, retry_after_s, segment

from .loopback import Answer, Loopback, dripping, http, loopback, reset, saying

KEY = "0123456789abcdef0123456789abcdef0123456789abcdef"
GET = Call("lists", "GET", "clients/c1/lists.json")
WRITE = Call("create_field", "POST", "lists/l1/customfields.json", body={"FieldName": "a"}, repeatable=False)

Connect = Callable[[Answer], tuple[Http, Loopback]]


@pytest.fixture
def kept() -> list[Exchange]:
    return []


@pytest.fixture
def connect(kept: list[Exchange]) -> Iterator[Connect]:
    """connect(answer) → (our client, the server that answers so)."""
    with ExitStack() as stack:

        def connect(answer: Answer) -> tuple[Http, Loopback]:
            server = stack.enter_context(loopback(answer))
            client = Http(server.base_url, Basic(KEY, "x"), connector="test", record=kept.append, threads=4)
            stack.callback(client.close)
            return client, server

        yield connect


def seconds_of(act: Callable[[], object], error: type[ConnectorError]) -> tuple[float, ConnectorError]:
    start = time.monotonic()
    with pytest.raises(error) as raised:
        act()
    return time.monotonic() - start, raised.value


def test_json_comes_back_and_the_connection_is_kept(connect: Connect) -> None:
    client, server = connect(saying(200, b'[{"ListID":"l1"}]'))
    for _ in range(5):
        assert client.call(GET) == Reply(200, [{"ListID": "l1"}])
    assert server.connections == 1
    assert b"Accept-Encoding: gzip\r\n" in server.requests[0]
    assert b"Cookie" not in server.requests[-1]


def test_cookies_are_not_kept(connect: Connect) -> None:
    client, server = connect(saying(200, b"1", headers=("Set-Cookie: a=b",)))
    client.call(GET)
    client.call(GET)
    assert b"ookie" not in server.requests[1]


@pytest.mark.parametrize(
    ("body", "expected"),
    [(b"", None), (b"  \r\n", None), (b'\xef\xbb\xbf{"a":1}', {"a": 1}), (b'"id"', "id"), (b"0", 0)],
)
def test_bodies_that_are_fine(connect: Connect, body: bytes, expected: object) -> None:
    client, _ = connect(saying(200, body))
    assert client.call(GET).body == expected


def test_gzip_is_unpacked(connect: Connect) -> None:
    client, _ = connect(saying(200, gzip.compress(b'{"a":1}'), headers=("Content-Encoding: gzip",)))
    assert client.call(GET).body == {"a": 1}


@pytest.mark.parametrize(
    ("body", "headers", "kind", "once"),
    [
        (b"<html><body>Sign in to the hotel's network</body></html>", (), Unexpected, Unexpected),
        (b'{"a":', (), Unknown, Ambiguous),
        (b"[" * 100_000, (), Unknown, Ambiguous),
        (b'{"a":1}\xff', (), Unknown, Ambiguous),
        ('{"a":1}'.encode("utf-16"), (), Unknown, Ambiguous),
        (b"not gzip", ("Content-Encoding: gzip",), Unknown, Ambiguous),
        (gzip.compress(b'{"a":1}')[:-6], ("Content-Encoding: gzip",), Unknown, Ambiguous),
        (b"\x0b\x02\x80{}\x03", ("Content-Encoding: br",), Unexpected, Unexpected),
        (gzip.compress(b"0" * 50_000_000), ("Content-Encoding: gzip",), Unexpected, Unexpected),  # in 50 kB
        (b" " * (wire.MAX_BODY_BYTES + 1), (), Unexpected, Unexpected),
    ],
    ids=[
        *("page", "cut json", "deep json", "bad utf-8", "utf-16", "not gzip", "cut gzip", "brotli", "bomb"),
        "large",
    ],
)
def test_an_answer_that_is_not_what_an_esp_says(
    connect: Connect,
    body: bytes,
    headers: tuple[str, ...],
    kind: type[ConnectorError],
    once: type[ConnectorError],
) -> None:
    client, _ = connect(saying(200, body, headers=headers))
    for call, error in ((GET, kind), (WRITE, once)):
        with pytest.raises(ConnectorError) as raised:
            client.call(call)
        assert type(raised.value) is error
        assert (raised.value.status, raised.value.operation) == (200, call.operation)


def test_an_outage_may_be_packed_as_it_likes(connect: Connect) -> None:
    client, _ = connect(saying(502, b"\x0b\x02\x80{}\x03", headers=("Content-Encoding: br",)))
    assert client.call(GET).status == 502


def test_a_redirect_is_not_followed(connect: Connect) -> None:
    other, other_server = connect(saying(200, b"{}"))
    client, _ = connect(saying(302, headers=(f"Location: {other_server.base_url}",)))
    with pytest.raises(Unexpected, match="redirect"):
        client.call(GET)
    assert other_server.requests == []
    other.close()


@pytest.mark.parametrize("status", [400, 401, 404, 429, 500, 503])
def test_an_error_status_is_a_reply_even_when_it_is_a_page(connect: Connect, status: int) -> None:
    client, _ = connect(saying(status, b"<html>oops</html>"))
    assert client.call(GET) == Reply(status, None)


def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    client = Http(f"http://127.0.0.1:{port}/", Basic(KEY, "x"), connector="test", record=None, threads=1)
    for call in (GET, WRITE):  # nothing left: even what must not be repeated may be
        with pytest.raises(Unreachable):
            client.call(call)
    client.close()


def test_a_name_that_does_not_resolve() -> None:
    client = Http("http://esp.invalid/", Basic(KEY, "x"), connector="test", record=None, threads=1)
    with pytest.raises(Unreachable):
        client.call(WRITE)
    client.close()


def cut_short(connection: socket.socket) -> None:
    connection.sendall(http(200, b'{"a":', length=500))
    connection.close()


@pytest.mark.parametrize(
    "answer",
    [reset, lambda connection: connection.close(), cut_short, saying(99, b"")],
    ids=["reset", "closed", "cut body", "no HTTP"],
)
def test_an_answer_lost_after_sending_is_ambiguous_unless_repeating_is_safe(
    connect: Connect, answer: Answer
) -> None:
    client, _ = connect(answer)
    with pytest.raises(Unreachable):
        client.call(GET)
    with pytest.raises(Ambiguous):
        client.call(WRITE)


def test_a_reset_before_the_request_was_read(connect: Connect) -> None:
    """The bytes left our side: what became of them is not known."""
    client, server = connect(saying(200))
    server.reset_before_reading = True
    with pytest.raises(Unreachable):
        client.call(GET)
    with pytest.raises((Ambiguous, Unreachable)):
        client.call(WRITE)


DEADLINE_S = 1.0
SLOW = Call("lists", "GET", "x.json", read_s=0.6, total_s=DEADLINE_S)


@pytest.mark.parametrize(
    "answer",
    [
        dripping(http(200, b"", length=10_000), b" ", 0.05),
        dripping(b"HTTP/1.1 200 OK\r\n", b"X-Endless: header\r\n", 0.05),
        dripping(b"", b"H", 0.05),
        dripping(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n", 0.05),
        dripping(b"", b"HTTP/1.1 103 Early\r\n\r\n", 0.05),
        dripping(http(200, b"", length=10_000), b" ", 10),
        lambda connection: time.sleep(10),
    ],
    ids=["body", "headers", "status line", "chunks", "early hints", "stalled body", "no first byte"],
)
def test_no_server_holds_us_past_the_deadline(connect: Connect, answer: Answer) -> None:
    client, _ = connect(answer)
    seconds, error = seconds_of(lambda: client.call(SLOW), ConnectorError)
    assert seconds < DEADLINE_S + 1
    assert isinstance(error, Unreachable | Unexpected)


def test_a_server_that_does_not_read_holds_us_no_longer() -> None:
    """The kernel takes some megabytes; after that each write waits."""
    with socket.create_server(("127.0.0.1", 0)) as listening:  # accepts by its backlog, never reads
        address = f"http://127.0.0.1:{listening.getsockname()[1]}/"
        client = Http(address, Basic(KEY, "x"), connector="test", record=None, threads=1)
        call = Call("upsert", "POST", "x", body="a" * 30_000_000, read_s=0.6, total_s=DEADLINE_S)
        seconds, _ = seconds_of(lambda: client.call(call), Unreachable)
        client.close()
    assert seconds < DEADLINE_S + 1


def test_a_slow_first_byte_within_the_deadline_is_waited_for(connect: Connect) -> None:
    def answer(connection: socket.socket) -> None:
        time.sleep(0.4)
        connection.sendall(http(200, b"1"))

    client, _ = connect(answer)
    assert client.call(SLOW).body == 1


def test_the_deadline_is_each_threads_own(connect: Connect) -> None:
    """One thread's short call does not shorten another's long one."""

    def answer(connection: socket.socket) -> None:
        time.sleep(1.2)
        connection.sendall(http(200, b"1"))

    client, _ = connect(answer)
    results: list[object] = []
    long_call = Call("lists", "GET", "x", read_s=5, total_s=5)
    thread = threading.Thread(target=lambda: results.append(client.call(long_call).body))
    thread.start()
    with pytest.raises(Unreachable):
        client.call(Call("lists", "GET", "x", read_s=0.3, total_s=0.3))
    thread.join()
    assert results == [1]


def test_the_environments_proxy_is_not_used(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    client, _ = connect(saying(200, b"1"))
    assert client.call(GET).body == 1


NOW = datetime(2026, 8, 1, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, None),
        ({"retry-after": "7"}, 7),
        ({"retry-after": " 1.5 "}, 1.5),
        ({"retry-after": "-3"}, 0),
        ({"retry-after": "99999999999"}, wire.MAX_RETRY_AFTER_S),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": ""}, None),
        ({"retry-after": format_datetime(NOW + timedelta(seconds=90), usegmt=True)}, 90),
        ({"retry-after": format_datetime(NOW - timedelta(hours=1), usegmt=True)}, 0),
        ({"retry-after": "Sat, 01 Aug 2026 12:01:00 -0000"}, 60),
        ({"retry-after": "Sat, 99 Aug 2026 12:01:00 GMT"}, None),
        ({"x-ratelimit-reset": "348"}, 348),
        ({"retry-after": "soon", "x-ratelimit-reset": "5"}, 5),
    ],
)
def test_how_long_to_wait(headers: dict[str, str], expected: float | None) -> None:
    assert retry_after_s(headers, NOW) == expected


def test_retry_after_comes_with_the_reply(connect: Connect) -> None:
    client, _ = connect(saying(429, b"{}", headers=("Retry-After: 12",)))
    assert client.call(GET).retry_after_s == 12


@pytest.mark.parametrize(
    ("status", "call", "kind"),
    [
        (400, GET, Unknown),
        (401, GET, BadCredentials),
        (403, GET, Forbidden),
        (404, GET, NotFound),
        (408, GET, ServerFailed),
        (413, GET, Refused),
        (418, GET, Unknown),
        (429, GET, RateLimited),
        (429, WRITE, RateLimited),
        (500, GET, ServerFailed),
        (500, WRITE, Ambiguous),
        (502, WRITE, Ambiguous),
        (503, WRITE, ServerFailed),
        (504, GET, ServerFailed),
        (504, WRITE, Ambiguous),
        (599, GET, ServerFailed),
    ],
)
def test_what_a_status_means_by_itself(status: int, call: Call, kind: type[ConnectorError]) -> None:
    error = error_of(Reply(status, None, 4), call)
    assert type(error) is kind
    assert (error.status, error.operation) == (status, call.operation)
    assert getattr(error, "retry_after_s", 4) == 4


@pytest.mark.parametrize("value", ["", ".", ".."])
def test_ids_that_would_change_the_path(value: str) -> None:
    with pytest.raises(NotFound):
        segment(value)


def test_ids_are_one_part_of_the_path() -> None:
    assert segment("a/../b?c#d[e]") == "a%2F..%2Fb%3Fc%23d%5Be%5D"


@pytest.mark.parametrize("base_url", ["", "api.createsend.com", "ftp://x/", "file:///etc/passwd", "http://"])
def test_a_base_address_must_be_one(base_url: str) -> None:
    with pytest.raises(ValueError, match="base address"):
        Http(base_url, Basic(KEY, "x"), connector="test", record=None, threads=1)


def test_what_is_kept_of_a_call(connect: Connect, kept: list[Exchange]) -> None:
    client, server = connect(saying(400, b'{"Code":203,"ApiKey":"' + KEY.encode() + b'"}'))
    before = datetime.now(UTC)
    query = {"email": "john+1@example.nl"}
    client.call(Call("remove", "DELETE", "subscribers/l1.json", query=query, body={"a": "jane@example.nl"}))

    assert b"DELETE /api/v3.3/subscribers/l1.json?email=john%2B1%40example.nl HTTP" in server.requests[0]
    exchange = kept[0]
    assert (exchange.operation, exchange.method, exchange.status) == ("remove", "DELETE", 400)
    assert exchange.path == "subscribers/l1.json?email=j***%40example.nl"
    assert exchange.request_body == '{"a":"j***@example.nl"}'
    assert exchange.response_body == '{"Code":203,"ApiKey":"***"}'
    assert before <= exchange.started_at <= datetime.now(UTC)
    assert exchange.request_bytes == len(b'{"a":"jane@example.nl"}')
    assert exchange.error == ""


def test_a_call_without_an_answer_is_kept_too(connect: Connect, kept: list[Exchange]) -> None:
    client, _ = connect(reset)
    with pytest.raises(Unreachable):
        client.call(GET)
    assert kept[0].status is None
    assert kept[0].error == "The ESP's answer was lost on the way."


def test_a_failing_record_does_not_undo_the_call() -> None:
    def fail(exchange: Exchange) -> None:
        raise RuntimeError("The database is away.")

    with loopback(saying(201, b'"id"')) as server:
        client = Http(server.base_url, Basic(KEY, "x"), connector="test", record=fail, threads=1)
        assert client.call(WRITE).body == "id"
        client.close()


def test_no_error_text_holds_a_secret_or_an_address(connect: Connect) -> None:
    client, _ = connect(saying(200, f"<html>{KEY} john@example.nl</html>".encode()))
    with pytest.raises(Unexpected) as raised:
        client.call(Call("subscriber", "GET", "x", query={"email": "john@example.nl"}))
    assert KEY not in repr(raised.value)
    assert "john" not in str(raised.value)
