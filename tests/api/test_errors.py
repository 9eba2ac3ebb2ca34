"""Whatever is sent, the answer is a documented problem: never a page, never 5xx, no words of our insides."""

from __future__ import annotations

import gzip
import re

import orjson
import pytest

from syncapp.api import catalogue

BATCH = "/audiences/vip-2024/members/batch"
ITEM_PLACES = (
    b'{"operations":[{"op":"add","id":%s}]}',
    b'{"operations":[{"op":"add","id":"a","contact":{"properties":%s}}]}',
)
VALUES = (
    b"NaN",
    b"Infinity",
    b"-Infinity",
    b"1e999",
    b"9" * 5000,
    b'"\\ud800"',
    b'"\\udc00\\ud800"',
    b'"\\u0000"',
    b'"\x00"',
    b'"\xff"',
    b'"\xc0\xaf"',
    b'"\\x41"',
    b"'a'",
    b"undefined",
    b"True",
    b"[" * 500,
    b'{"a":' * 500,
    b"{}",
    b"[]",
    b"[[]]",
    b"null",
    b"true",
    b"0",
    b"-0.0",
    b'""',
    b'" "',
    b'"' + b"x" * 300 + b'"',
    b'"' + b"\xf0\x9f\x9a\xb2" * 255 + b'"',
    b'"../../etc/passwd"',
    b'"\'; DROP TABLE audiences_member; --"',
    b'"<script>alert(1)</script>"',
    b'"{{7*7}}"',
    b'"%s%n"',
    b'"\\r\\nX-Injected: 1"',
    b'{"$ne":null}',
    b'{"__proto__":1}',
    b'{"a":{"b":{"c":1}}}',
    b'["a",null]',
    b'{"":1}',
    b'{"a":[1,2]}',
    b'{"a":"\\u0000"}',
    b'{"\\u0000":1}',
)
BODIES = (
    b"",
    b" ",
    b"null",
    b"[]",
    b"{",
    b"}",
    b'{"add"',
    b'{"add":["a"]',
    b'{"add":["a"]}x',
    b'{"add":["a"],}',
    b"\xef\xbb\xbf{}",
    '{"add":["a"]}'.encode("utf-16"),
    b"\x00",
    b"[" * 100_000,
    b"[" * 100_000 + b"]" * 100_000,
    b'{"a":' * 50_000,
    b'{"add":["a"],"add":["b"]}',
    b'{"operations":[{"op":"add","op":"remove","id":"a"}]}',
    b'{"add":"a"}',
    b'{"add":{"a":1}}',
    b'{"add":[["a"]]}',
    b'{"operations":"x"}',
    b'{"operations":[[]]}',
    b'{"operations":[{"op":["add"]}]}',
    b'{"atomic":1,"add":["a"]}',
    b'{"emitted_at":0,"add":["a"]}',
    b'{"emitted_at":"0000-00-00T00:00:00Z","add":["a"]}',
    b'{"emitted_at":"9999-12-31T23:59:59-12:00","add":["a"]}',
    b'{"emitted_at":"0001-01-01T00:00:00+14:00","add":["a"]}',
    b'{"operations":[{"op":"add","id":"a","occurred_at":"0001-01-01T00:00:00+14:00"}]}',
    b'{"operations":[{"op":"add","id":"a","consents":[%s]}]}'
    % b'{"objective":"x","state":"denied","occurred_at":"9999-12-31T23:59:59-12:00"}',
    b'{"name":"N","expires_at":"9999-12-31T23:59:59-12:00"}',
    b'{"identifier":["email"],"add":["a"]}',
    b'{"unknown_contacts":{},"add":["a"]}',
    b"<xml/>",
    b"add=a",
    b"--boundary",
    b"%PDF-1.7",
)
HEADERS = (
    {"content_type": "text/plain"},
    {"content_type": "application/xml"},
    {"content_type": "multipart/form-data; boundary=x"},
    {"content_type": "application/x-www-form-urlencoded"},
    {"content_type": ""},
    {"content_type": "application/json; charset=latin-1"},
    {"content_type": "\x01"},
    {"content_encoding": "br"},
    {"content_encoding": "gzip, gzip"},
    {"content_encoding": "gzip"},
    {"accept": "text/html"},
    {"accept": "application/xml"},
    {"accept": "\x01"},
    {"idempotency_key": "\x7f"},
    {"if_match": "x"},
    {"authorization": ""},
    {"authorization": "Bearer"},
    {"authorization": "Bearer " + "x" * 9000},
    {"authorization": "Digest x"},
    {"host": "evil.example"},
    {"host": "a b"},
    {"cookie": "sessionid=" + "x" * 5000},
    {"x_http_method_override": "DELETE"},
)
PATHS = (
    "/",
    "/nothing",
    "/audiences",
    "/audiences/",
    "/audiences/a/b",
    "/audiences/vip-2024/",
    "/audiences/vip-2024/members/",
    "/audiences/vip-2024/members/batch/",
    "/audiences/%",
    "/audiences/%zz",
    "/audiences/%FF",
    "/audiences/..%2F..%2Fadmin",
    "/api/",
    "/api/v2/audiences",
    "/api/v1",
    "/api//v1/limits",
    "/audiences/" + "x" * 2000,
    "/limits?x[]=1",
    "/limits?%00=1",
    "/limits?" + "&".join(f"a{n}=1" for n in range(1500)),
    "/audiences/vip-2024?external_id=",
    "/audiences/vip-2024/members?limit=-1",
    "/audiences/\u00e9",
    "/openapi.json/x",
    "/api/docs/none",
    "/audiences/-?external_id=..",
    "/audiences/-?external_id=%00",
)
INSIDES = re.compile(
    rb"Traceback|psycopg|django|SELECT |INSERT |audiences_|\.py\b|<html|<!doctype", re.IGNORECASE
)


def check(answer):
    assert answer.status_code < 500, answer.content
    if answer.status_code >= 400:
        body = answer.json()
        assert body["status"] == answer.status_code
        assert catalogue.BY_CODE[body["code"]].status == answer.status_code
        assert body["request_id"] == answer.headers["X-Request-Id"]
        assert not INSIDES.search(answer.content), answer.content


def test_the_corpus_is_large_enough():
    assert len(BODIES) + len(VALUES) * len(ITEM_PLACES) + len(HEADERS) + len(PATHS) >= 150


@pytest.mark.parametrize("body", BODIES, ids=range(len(BODIES)))
def test_hostile_bodies(api, vip, body):
    for method, path in (("POST", BATCH), ("PUT", "/audiences/vip-2024")):
        check(api.send(method, path, body))


@pytest.mark.parametrize("place", ITEM_PLACES, ids=["id", "properties"])
def test_hostile_values(api, vip, place):
    for value in VALUES:
        check(api.send("POST", BATCH, place % value))
        check(api.send("PUT", "/audiences/vip-2024", b'{"name":%s}' % value))


@pytest.mark.parametrize("headers", HEADERS, ids=range(len(HEADERS)))
def test_hostile_headers(api, vip, headers):
    for method, path, body in (("POST", BATCH, {"add": ["a"]}), ("GET", "/audiences/vip-2024", None)):
        check(api.send(method, path, body, **headers))


@pytest.mark.parametrize("path", PATHS, ids=range(len(PATHS)))
def test_hostile_paths(api, vip, path):
    for method in ("GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND"):
        check(api.send(method, path, {"name": "N"} if method in ("POST", "PUT", "PATCH") else None))


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("POST", "/limits", {"GET", "HEAD"}),
        ("PATCH", BATCH, {"GET", "HEAD", "POST", "PUT", "DELETE"}),  # a contact may be called "batch"
        ("POST", "/audiences/vip-2024", {"GET", "HEAD", "PUT", "PATCH", "DELETE"}),
        ("OPTIONS", "/audiences/vip-2024/members", {"GET", "HEAD"}),
        ("POST", "/openapi.json", {"GET", "HEAD"}),
    ],
)
def test_a_wrong_method_is_told_the_right_ones(api, vip, method, path, allowed):
    answer = api.send(method, path)
    assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")
    assert {name.strip() for name in answer.headers["Allow"].split(",")} == allowed


def test_statuses_and_their_headers(api, vip):
    assert api.get("/nothing").json()["code"] == "not_found"
    assert api.get("/limits", accept="text/html").json()["code"] == "not_acceptable"
    answer = api.post(BATCH, {"add": ["a"]}, content_type="text/csv")
    assert (answer.status_code, answer.headers["Accept-Post"]) == (415, "application/json")
    assert api.get("/limits").headers["X-Request-Id"].startswith("req_")
    assert "default-src 'none'" in api.get("/limits").headers["Content-Security-Policy"]


def test_a_fault_of_ours_says_nothing_of_our_insides(api, vip, monkeypatch):
    def fail(*_):
        raise RuntimeError("psycopg secret at audiences.py")

    monkeypatch.setattr("audiences.api.views.to_audience", fail)
    answer = api.get("/audiences/vip-2024")
    assert (answer.status_code, answer.json()["code"], answer.json()["retryable"]) == (
        500,
        "internal_error",
        True,
    )
    assert not INSIDES.search(answer.content)


def test_gzip_is_taken_and_bombs_are_not(api, vip):
    def zipped(data):
        return api.send("POST", BATCH, gzip.compress(data), content_encoding="gzip")

    assert zipped(orjson.dumps({"add": ["a"]})).status_code == 200
    bomb = zipped(b'{"add":["' + b"a" * (51 * 2**20) + b'"]}')
    assert (bomb.status_code, bomb.json()["code"], bomb.json()["limit"]) == (
        413,
        "body_too_large",
        50 * 2**20,
    )
    whole = gzip.compress(b'{"add":["b"]}')
    for broken in (whole[:-5], whole + b"x", whole + whole, b"\x1f\x8b" + b"x" * 50):
        answer = api.send("POST", BATCH, broken, content_encoding="gzip")
        assert (answer.status_code, answer.json()["code"]) == (400, "malformed_json")
    assert api.members("vip-2024") == ["a"]


def test_every_code_has_words_and_every_bare_status_a_code():
    assert len(catalogue.BY_CODE) == len(catalogue.KINDS)
    assert all(kind.docs and kind.title and 400 <= kind.status < 600 for kind in catalogue.KINDS)
    assert all(catalogue.of_status(status).status == status for status in catalogue.GENERAL)
