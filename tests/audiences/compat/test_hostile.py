"""Bodies, queries and headers nobody sends in earnest: refused in the door's own words, and never our fault."""

from __future__ import annotations

import json

import pytest

from audiences.models import Audience, Profile
from syncapp.accounts import keys, scope
from syncapp.accounts.models import ApiKey
from syncapp.api.models import ApiCall
from tests.audiences.compat.activate.conftest import Shop
from tests.audiences.compat.mailplus.signing import MailPlus

ODD = [
    None, True, -1, 0, 1.5, 1e308, 10**30, "", " ", "\u202e", "é" * 300, "a\x00", "\ud7ff", "🚲", [], [[]], [None], {},
    {"": {}}, {"a": [1, {"b": None}]}, "<x/>", "' OR 1=1 --", "%s%(account)s{}", "9" * 400, {"contacts": None},
    [{"externalId": {}}], {"externalId": "c-1", "properties": []}, {"permissions": [{}]}, {"bit": [], "enabled": {}},
]  # fmt: skip
RAW = [
    b"", b"{", b"[", b"\xff\xfe", b"\x00", b"nul", b"NaN", b"1e999", b'"\\ud800"', b'{"a":1,"a":2}', b"{}" * 2,
    b"[" * 5000, b"<?xml version='1.0'?><a/>", b'{"contacts":["\xed\xa0\x80"]}', "\ufeff{}".encode(),
]  # fmt: skip
MAILPLUS = [
    ("POST", "/audience", ("externalId", "name", "description")),
    ("PUT", "/audience/vip", ("externalId", "name", "description")),
    ("POST", "/audience/vip/contact", ("contacts",)),
    ("DELETE", "/audience/vip/contact", ("contacts",)),
    ("POST", "/contact", ("contact", "update", "purge")),
    ("PUT", "/contact/c-1", ("contact",)),
    ("POST", "/contact/list", ("contacts",)),
]
PROPERTIES = ("email", "permissions", "entry")


@pytest.fixture
def mailplus(ann_account, audience_of, profile_of):
    audience_of(ann_account, "VIP", external_id="vip")
    profile_of(ann_account, "c1@example.com", external_id="c-1")
    _, shown = keys.issue(ann_account, "CRM", ApiKey.Scope.values, kind=ApiKey.Kind.MAILPLUS)
    return MailPlus(*keys.parts(shown))


@pytest.fixture(autouse=True)
def many_calls(settings):
    settings.API_REQUESTS_PER_MINUTE = 100_000


def in_its_words(answer):
    assert answer.status in (200, 204, 400, 403, 404, 413, 415, 417), (answer.status, answer.content)
    if answer.status >= 400:
        assert set(answer.body) <= {"errorType", "message", "externalContactIds"}


@pytest.mark.parametrize(("method", "path", "fields"), MAILPLUS)
def test_bodies_to_mailplus(mailplus, method, path, fields):
    good = {"externalId": "vip", "name": "V", "contacts": ["c-1"], "contact": {"externalId": "c-1"}}
    bodies = [*RAW, *(json.dumps(odd).encode() for odd in ODD)]
    bodies += [json.dumps({**good, name: odd}).encode() for name in fields for odd in ODD]
    for body in bodies:
        in_its_words(mailplus.send(method, path, body))


def test_properties_to_mailplus(mailplus):
    whole = [odd for odd in ODD if odd is not None]
    for properties in (*whole, *({name: odd} for name in PROPERTIES for odd in ODD)):
        body = {"update": True, "contact": {"externalId": "c-1", "properties": properties}}
        in_its_words(mailplus.post("/contact", json.dumps(body).encode()))


def test_xml_to_mailplus(mailplus):
    texts = [
        "",
        "c-1",
        "<x/>",
        "<contact/>",
        "<contact><externalId/></contact>",
        "<bit>1</bit>",
        "&#x0;",
        "&lt;",
    ]
    for method, path, _ in MAILPLUS:
        for root in ("contacts", "contact", "audience", "a"):
            for text in texts:
                body = f"<{root}>{text}</{root}>".encode()
                if (method, body) == ("DELETE", b"<contacts></contacts>"):
                    continue
                in_its_words(
                    mailplus.send(method, path, body, content_type="text/xml", accept="application/json")
                )


@pytest.mark.parametrize(
    "path",
    [
        "/audience/%00",
        "/audience/%ff",
        "/audience/..",
        "/audience/" + "a" * 256,
        "/contact/%00",
        "/contact/search?MPSearchQuery=externalId%3D%00&pageSize=1",
        "/contact/search?MPSearchQuery=email%3D%00&pageSize=1",
        "/contact/search?MPSearchQuery=email%3Da%40example.com&pageSize=99999999999999999999",
        "/contact/search?MPSearchQuery=email%3Da%40example.com&pageSize=1&after=-1",
        "/contact/search?MPSearchQuery=email%3Da%40example.com&pageSize=1&after=%00",
        "/contact/updates/list?fromDate=%00&toDate=9999-12-31T23:59:59-14:00&pageSize=1",
        "/contact/updates/list?fromDate=2026-01-01T00:00:00%2B25:00&toDate=2026-01-02&pageSize=1",
        "/contact/updates/list?fromDate=99999-01-01&toDate=2026-01-02&pageSize=1",
        "/contact/updates/list?fromDate=2026-01-01&toDate=2026-01-02&pageSize=%D9%A1",
    ],
)
def test_addresses_of_mailplus(mailplus, path):
    in_its_words(mailplus.get(path))


@pytest.mark.parametrize(
    "header",
    [
        "OAuth",
        "OAuth ,,,",
        'OAuth oauth_consumer_key="%00"',
        "OAuth " + 'a="' * 2000,
        'OAuth x="%ZZ"',
        "Basic e30=",
    ],
)
def test_headers_of_mailplus(mailplus, header):
    answer = mailplus.get("/audience/vip", authorization=header)
    assert (answer.status, answer.body["errorType"]) == (403, "NOT_AUTHORIZED")
    signed = mailplus.sign("GET", "/audience/vip").replace(mailplus.key, "%00")
    assert mailplus.get("/audience/vip", authorization=signed).status == 403


def test_bodies_to_activate(ann_account, objective_of, profile_of):
    objective_of(ann_account)
    profile_of(ann_account, "c1@example.com", external_id="c-1")
    _, key = keys.issue(ann_account, "Shop", ApiKey.Scope.values)
    shop = Shop("ann", key)
    good = {"event": "X", "email": "c1@example.com"}
    names = (
        "event",
        "email",
        "userid",
        "sqzly_cookie",
        "timestamp",
        "firstname",
        "newsletter",
        "custom_a",
        "x",
        "products",
    )
    events = [{**good, name: odd} for name in names for odd in ODD]
    products = [{"id": "1", name: odd} for name in ("id", "language", "title") for odd in ODD]
    calls = [("/v1/track", json.dumps(event).encode()) for event in (*events, *ODD)]
    calls += [("/v1/track", json.dumps({"events": [good, odd]}).encode()) for odd in (*ODD, *events[::7])]
    calls += [("/products", json.dumps({"products": [odd]}).encode()) for odd in (*products, *ODD)]
    calls += [(path, raw) for path in ("/v1/track", "/products") for raw in RAW]
    for path, body in calls:
        response = shop.send("POST", path, body)
        assert response.status_code in (200, 400), (path, body, response.content)
        assert "errors" in response.json()
        if path == "/products":
            assert shop.send("DELETE", path, body).status_code in (200, 400)


def test_the_log_of_calls_names_no_person(mailplus, ann_account):
    mailplus.get("/contact/c-1")
    mailplus.get("/contact/search?MPSearchQuery=email%3Dc1%40example.com&pageSize=1")
    mailplus.post("/audience/vip/contact", {"contacts": ["c-9"]})
    with scope.account(ann_account):
        logged = list(ApiCall.objects.order_by("pk").values_list("path", "status", "code"))
        assert (Audience.objects.count(), Profile.objects.count()) == (1, 1)
    base = "/compat/mailplus/integrationservice-1.1.0"
    assert logged == [
        (f"{base}/contact/{{external_id}}", 200, ""),
        (f"{base}/contact/search", 200, ""),
        (f"{base}/audience/vip/contact", 404, "CONTACT_NOT_FOUND"),
    ]
