"""Who may call, and how refusals look."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from audiences.models import Event, Profile
from syncapp.accounts import keys, scope
from syncapp.accounts.models import ApiKey
from tests.api.server import running_web

OPT_IN = {"event": "EmailOptIn", "email": "jan@example.nl"}


def refused(response, status):
    assert response.status_code == status, response.content
    (words,) = response.json()["errors"]
    assert isinstance(words, str)
    return words


@pytest.mark.parametrize("path", ["/v1/verifyAuth", "/api/v1/verifyAuth", "/v1/verifyAuth?channel=2"])
def test_credentials_are_verified(shop, ann_account, path):
    response = shop.post(path, {"token": "the shop's own"})
    assert (response.status_code, response.json()) == (200, {"verified": True})
    assert response.headers["X-Request-Id"].startswith("req_")
    assert shop.post(path, x_auth_account=str(ann_account.pk)).json() == {"verified": True}


def test_what_is_not_the_accounts_key(shop, shop_of, mailplus_key, ann_account, bob_account):
    bob = shop_of(bob_account)
    for headers in (
        {"x_auth_apikey": ""},
        {"x_auth_apikey": "nonsense"},
        {"x_auth_apikey": bob.key},
        {"x_auth_apikey": mailplus_key},
        {"x_auth_account": ""},
        {"x_auth_account": "bob"},
        {"x_auth_account": str(bob_account.pk)},
        {"x_auth_account": "nobody"},
    ):
        refused(shop.post("/v1/verifyAuth", **headers), 401)
        refused(shop.post("/v1/track", OPT_IN, **headers), 401)
    with scope.everything("test"):
        assert not Profile.objects.exists()


@pytest.fixture
def mailplus_key(ann_account):
    _, shown = keys.issue(ann_account, "CRM", ApiKey.Scope.values, kind=ApiKey.Kind.MAILPLUS)
    return shown


def test_a_key_needs_its_scopes(shop_of, ann_account, objective_of):
    objective_of(ann_account)
    reader = shop_of(ann_account, "Reader", ["contacts:read"])
    assert reader.post("/v1/verifyAuth").json() == {"verified": True}
    assert "contacts:write" in refused(reader.post("/v1/track", OPT_IN), 403)
    assert "contacts:write" in refused(reader.post("/v1/products", {"products": [{"id": "1"}]}), 403)
    writer = shop_of(ann_account, "Writer", ["contacts:write"])
    assert writer.post("/v1/track", OPT_IN).status_code == 200
    assert "consents:write" in refused(writer.post("/v1/track", {**OPT_IN, "newsletter": "yes"}), 403)


def test_switched_off_and_too_often(shop, settings_of, ann_account, settings):
    settings_of(ann_account, is_enabled=False)
    refused(shop.post("/v1/track", OPT_IN), 403)
    settings.API_REQUESTS_PER_MINUTE = 1
    response = shop.post("/v1/track", OPT_IN)
    refused(response, 429)
    assert int(response.headers["Retry-After"]) > 0


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/v1/nothing", {}, 404),
        ("GET", "/v1/track", None, 405),
        ("GET", "/v1/contacts", None, 404),
        ("POST", "/v1/track", None, 400),
        ("POST", "/v1/track", b"{", 400),
        ("POST", "/v1/track", [], 400),
        ("POST", "/v1/track", {"events": {}}, 400),
        ("POST", "/v1/track", {"events": []}, 400),
        ("POST", "/v1/track", {"events": None}, 400),
        ("POST", "/v1/track", b'{"event": "a\\u0000"}', 400),
        ("POST", "/v1/track", b'{"event": "a", "event": "b"}', 400),
        ("POST", "/v1/track", {"events": [{}] * 1001}, 413),
        ("POST", "/v1/products", {}, 400),
        ("POST", "/v1/products", {"products": [{}] * 1001}, 413),
        ("DELETE", "/products", None, 400),
    ],
)
def test_what_is_no_call(shop, method, path, body, status):
    refused(shop.send(method, path, body), status)


def test_another_media_type(shop):
    refused(shop.post("/v1/track", OPT_IN, content_type="text/plain"), 415)


@pytest.mark.django_db(transaction=True)
def test_through_a_web_server(shop, ann_account):
    headers = {"X-AUTH-ACCOUNT": shop.account, "X-AUTH-APIKEY": shop.key}
    with running_web() as (url, _pid), httpx.Client(base_url=url, headers=headers, timeout=30) as web:
        assert web.post("/compat/activate/v1/verifyAuth?channel=2").json() == {"verified": True}
        assert web.post("/compat/activate/v1/track", json=OPT_IN).json()["created"] == 1
        wrong = web.post("/compat/activate/v1/track", json=OPT_IN, headers={"X-AUTH-APIKEY": "x"})
        assert (wrong.status_code, list(wrong.json())) == (401, ["errors"])
    with scope.account(ann_account):
        assert Event.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_the_same_events_from_all_sides_at_once(shop, ann_account, objective_of):
    objective_of(ann_account)
    at = "2026-06-01T10:00:00Z"
    events = [
        {
            "event": "EmailOptIn",
            "email": f"p{n % 20}@example.com",
            "newsletter": "yes",
            "orderid": n,
            "timestamp": at,
        }
        for n in range(60)
    ]
    events += [{"event": "PageView", "sqzly_cookie": f"visitor-{n}", "timestamp": at} for n in range(20)]
    headers = {"X-AUTH-ACCOUNT": shop.account, "X-AUTH-APIKEY": shop.key}
    with running_web() as (url, _pid), httpx.Client(base_url=url, headers=headers, timeout=60) as web:

        def send(seed):
            mixed = random.Random(seed).sample(events, len(events))
            return web.post("/compat/activate/v1/track", json={"events": mixed})

        with ThreadPoolExecutor(8) as threads:
            answers = list(threads.map(send, range(16)))
    assert {answer.status_code for answer in answers} == {200}
    assert sum(answer.json()["events"] for answer in answers) == 80
    assert sum(answer.json()["created"] for answer in answers) == 20
    with scope.account(ann_account):
        assert (Event.objects.count(), Profile.objects.count()) == (80, 20)
        assert Event.objects.filter(profile=None).count() == 20
