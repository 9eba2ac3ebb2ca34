"""What only the real web server shows: sizes, chunks, raw paths, requests that are no HTTP."""

from __future__ import annotations

import http.client
import json
import socket
import time
from urllib.parse import urlsplit

import httpx
import pytest

from syncapp.accounts import keys
from syncapp.accounts.models import ApiKey
from tests.api.server import running_web

MIB = 2**20
BATCH = "/api/v1/audiences/vip%2F2024/members/batch"

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def web(ann_account, audience_of):
    """(base URL, key) of a running server; the audience's id has a slash."""
    audience_of(ann_account, "VIP", external_id="vip/2024", unknown_contacts="create")
    _, key = keys.issue(ann_account, "ERP", ApiKey.Scope.values)
    with running_web() as (url, _pid):
        yield url, key


def headers(key, **others):
    return {"Authorization": f"Bearer {key}", "Content-Type": "application/json", **others}


def pieces(total, prefix=b'{"add":["', suffix=b'"]}'):
    """A JSON body of about `total` bytes, in pieces and without a length: httpx sends it in chunks."""
    yield prefix
    for _ in range(total // MIB):
        yield b"a" * MIB
    yield suffix


def check_problem(answer, status, code):
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"


def test_bodies_paths_and_sizes(web):
    url, key = web
    with httpx.Client(base_url=url, headers=headers(key), timeout=30) as client:
        fine = client.post(BATCH, content=iter([b'{"add":', b'["a"]}']))
        assert (fine.status_code, fine.json()["summary"]["added"]) == (200, 1)
        assert client.get("/api/v1/audiences/vip%2F2024").json()["external_id"] == "vip/2024"
        check_problem(client.post(BATCH, content=b"x" * (60 * MIB)), 413, "body_too_large")
        check_problem(client.post(BATCH, content=pieces(20 * MIB)), 413, "body_too_large")
        check_problem(client.post(BATCH, content=b"[" * 100_000), 400, "malformed_json")
        check_problem(client.post(BATCH, content=iter([])), 400, "malformed_json")
        check_problem(client.get("/api/v1/audiences/%2E%2E"), 422, "invalid_external_id")
        check_problem(client.get("/api/v1/limits?" + "x" * 9000), 414, "uri_too_long")
        check_problem(
            client.get("/api/v1/limits", headers={"Host": "evil.example"}), 400, "malformed_request"
        )
        longest = "%F0%9F%9A%B2" * 255
        assert client.put(f"/api/v1/audiences/{longest}", json={"name": "Bicycles"}).status_code == 201
        head = client.head(f"/api/v1/audiences/{longest}")
        assert (head.status_code, head.content) == (200, b"")
        assert client.get("/api/v1/audiences/vip%2F2024").json()["member_count"] == 1


def test_dots_reach_us_as_they_are_sent(web):
    url, key = web
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=10)
    for path in ("/api/v1/audiences/.", "/api/v1/audiences/..", "/api/v1/audiences/%2e"):
        connection.request("GET", path, headers=headers(key))
        answer = connection.getresponse()
        assert (answer.status, json.loads(answer.read())["code"]) == (422, "invalid_external_id"), path


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"nonsense\r\n\r\n",
        b"GET /api/v1/limits HTTP/9.9\r\n\r\n",
        b"GET /api/v1/limits HTTP/1.1\r\nBad Header: x\r\nHost: localhost\r\n\r\n",
        b"GET /api/v1/limits HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
        b"GET /api/v1/limits HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 20_000 + b"\r\n\r\n",
        b"POST /api/v1/limits HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: rot13\r\n\r\n",
    ],
)
def test_what_is_no_http_gets_a_problem_too(web, request_bytes):
    parts = urlsplit(web[0])
    with socket.create_connection((parts.hostname, parts.port), timeout=10) as connection:
        connection.sendall(request_bytes)
        reply = b""
        while piece := connection.recv(65536):
            reply += piece
    head, _, body = reply.partition(b"\r\n\r\n")
    assert b"Content-Type: application/problem+json" in head
    assert 400 <= json.loads(body)["status"] < 600
    assert head.split()[1] == str(json.loads(body)["status"]).encode()


def test_a_body_that_never_ends_is_cut_off(web):
    """10 MiB and a little are read, then the answer comes: not after the 1 GiB that was to follow."""
    url, key = web
    began = time.monotonic()
    try:
        answer = httpx.post(url + BATCH, headers=headers(key), content=pieces(1024 * MIB), timeout=20)
    except httpx.WriteError:
        return  # closed while we were still sending
    check_problem(answer, 413, "body_too_large")
    assert time.monotonic() - began < 15
