"""Who may call: signatures over the call as it came."""

from __future__ import annotations

import base64
import hashlib
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import httpx
import pytest
from oauthlib import oauth1

from audiences.compat.mailplus import nonces
from audiences.models import Audience
from syncapp.accounts import keys, scope
from syncapp.accounts.models import ApiKey
from syncapp.api.models import UsedNonce
from tests.api.server import running_web

AUDIENCE = {"externalId": "vip-2024", "name": "VIP 2024"}


def refused(answer):
    assert (answer.status, answer.body["errorType"]) == (403, "NOT_AUTHORIZED"), answer.content
    return answer.body["message"]


@pytest.fixture
def vip(mailplus):
    assert mailplus.post("/audience", AUDIENCE).status == 200


def test_no_signature_and_a_wrong_one(mailplus, vip):
    refused(mailplus.get("/audience/vip-2024", authorization=""))
    wrong = replace(mailplus, secret="x" * 43)
    unknown = replace(mailplus, key="00000000")
    assert refused(wrong.get("/audience/vip-2024")) == refused(unknown.get("/audience/vip-2024"))
    other = mailplus.sign("GET", "/audience/vip-2025")
    refused(mailplus.get("/audience/vip-2024", authorization=other))
    other = mailplus.sign("POST", "/audience/vip-2024")
    refused(mailplus.get("/audience/vip-2024", authorization=other))
    refused(
        mailplus.get("/audience/vip-2024", authorization=f"Bearer ak_live_{mailplus.key}_{mailplus.secret}")
    )


def test_the_query_is_signed(mailplus):
    path = "/contact/search?MPSearchQuery=email%3Djan%40example.nl&pageSize=1"
    assert mailplus.get(path).status == 200
    refused(mailplus.get(path.replace("jan", "eve"), authorization=mailplus.sign("GET", path)))
    refused(mailplus.get(f"{path}&after=1", authorization=mailplus.sign("GET", path)))


def test_a_header_with_a_realm_and_parameters_in_the_query(mailplus, vip):
    for realm in ("mailplus", "mailplus, all of it"):
        assert mailplus.send("GET", "/audience/vip-2024", sign={"realm": realm}).status == 200
    signer = oauth1.Client(mailplus.key, client_secret=mailplus.secret, signature_type="QUERY")
    url, _, _ = signer.sign(f"{mailplus.host}{mailplus.base}/audience/vip-2024", http_method="GET")
    path = url.removeprefix(mailplus.host + mailplus.base)
    assert mailplus.get(path, authorization="").status == 200


def test_behind_a_proxy_the_public_address_is_signed(mailplus, vip, settings):
    settings.SITE_URL = "https://app.agency.example"
    for host, status in (
        ("https://app.agency.example", 200),
        ("https://localhost:8000", 200),
        ("http://localhost:8000", 200),
        ("https://other.example", 403),
    ):
        assert replace(mailplus, host=host).get("/audience/vip-2024").status == status


def test_a_call_is_taken_once(mailplus, vip):
    header = mailplus.sign("GET", "/audience/vip-2024")
    assert mailplus.get("/audience/vip-2024", authorization=header).status == 200
    assert "nonce" in refused(mailplus.get("/audience/vip-2024", authorization=header))
    # The same nonce at another second is another call; so is that of another key.
    now = int(time.time())
    for timestamp, status in ((now, 200), (now - 1, 200), (now, 403)):
        sign = {"nonce": "0123456789abcdef", "timestamp": str(timestamp)}
        assert mailplus.send("GET", "/audience/vip-2024", sign=sign).status == status


def test_a_wrong_signature_uses_no_nonce_up(mailplus, vip):
    sign = {"nonce": "0123456789abcdef", "timestamp": str(int(time.time()))}
    wrong = replace(mailplus, secret="x" * 43)
    refused(wrong.send("GET", "/audience/vip-2024", sign=sign))
    assert mailplus.send("GET", "/audience/vip-2024", sign=sign).status == 200


@pytest.mark.parametrize(("offset_s", "status"), [(-290, 200), (290, 200), (-310, 403), (310, 403)])
def test_the_clock_may_be_five_minutes_off(mailplus, vip, offset_s, status):
    sign = {"timestamp": str(int(time.time()) + offset_s)}
    assert mailplus.send("GET", "/audience/vip-2024", sign=sign).status == status


def test_used_nonces_are_forgotten(mailplus, vip, ann_account):
    for _ in range(3):
        mailplus.get("/audience/vip-2024")
    with scope.account(ann_account):
        UsedNonce.objects.update(expires_at="2026-01-01T00:00:00Z")
        mailplus.get("/audience/vip-2024")
        assert UsedNonce.objects.count() == 1
        UsedNonce.objects.update(expires_at="2026-01-01T00:00:00Z")
        assert (nonces.forget_old(), UsedNonce.objects.count()) == (1, 0)


def test_a_declared_hash_of_the_body_is_checked(mailplus):
    body = b'{"externalId": "a", "name": "A"}'

    def sign(hashed):
        digest = base64.b64encode(hashlib.sha1(hashed, usedforsecurity=False).digest()).decode()
        signer = oauth1.Client(mailplus.key, client_secret=mailplus.secret)
        url = f"{mailplus.host}{mailplus.base}/audience"
        own = [
            ("oauth_consumer_key", mailplus.key),
            ("oauth_nonce", digest[:12]),
            ("oauth_timestamp", str(int(time.time()))),
            ("oauth_signature_method", "HMAC-SHA1"),
            ("oauth_body_hash", digest),
        ]
        base = oauth1.rfc5849.signature.signature_base_string(
            "POST",
            oauth1.rfc5849.signature.base_string_uri(url),
            oauth1.rfc5849.signature.normalize_parameters(own),
        )
        signature = oauth1.rfc5849.signature.sign_hmac_sha1_with_client(base, signer)
        pairs = [*own, ("oauth_signature", signature)]
        return "OAuth " + ", ".join(f'{n}="{oauth1.rfc5849.utils.escape(v)}"' for n, v in pairs)

    refused(mailplus.post("/audience", body, authorization=sign(b"{}")))
    assert mailplus.post("/audience", body, authorization=sign(body)).status == 200


def test_revoked_rotated_and_native_keys(mailplus, vip, ann_account):
    with scope.account(ann_account):
        key = ApiKey.objects.get(prefix=mailplus.key)
    _, fresh = keys.parts(keys.rotate(key))
    assert mailplus.get("/audience/vip-2024").status == 200
    assert replace(mailplus, secret=fresh).get("/audience/vip-2024").status == 200
    with scope.account(ann_account):
        keys.revoke(key)
    refused(mailplus.get("/audience/vip-2024"))
    refused(replace(mailplus, secret=fresh).get("/audience/vip-2024"))
    _, shown = keys.issue(ann_account, "ERP", ApiKey.Scope.values)
    prefix, secret = keys.parts(shown)
    refused(replace(mailplus, key=prefix, secret=secret).get("/audience/vip-2024"))


def test_rates_and_request_ids_as_everywhere(mailplus, vip, settings):
    answer = mailplus.get("/audience/vip-2024")
    assert answer.headers["X-Request-Id"].startswith("req_")
    assert "RateLimit" in answer.headers
    settings.API_REQUESTS_PER_MINUTE = 1
    answer = mailplus.get("/audience/vip-2024")
    assert (answer.status, answer.body["errorType"]) == (429, "BACKEND_EXCEPTION")
    assert int(answer.headers["Retry-After"]) > 0


@pytest.mark.django_db(transaction=True)
def test_ids_with_slashes_and_spaces_through_a_web_server(mailplus, ann_account, profile_of):
    profile_of(ann_account, "c1@example.com", external_id="c/1 é")
    with running_web() as (url, _pid), httpx.Client(base_url=url, timeout=30) as web:
        caller = replace(mailplus, host=url)

        def send(method, path, **options):
            headers = {"Authorization": caller.sign(method, path)}
            return web.request(method, f"{caller.base}{path}", headers=headers, **options)

        for external_id, path in (
            ("vip/2024", "/audience/vip%2F2024"),
            ("a b", "/audience/a%20b"),
            ("50% + é", "/audience/50%25%20%2B%20%C3%A9"),
            ("small", "/audience/%73mall"),
        ):
            body = {"externalId": external_id, "name": external_id}
            assert send("POST", "/audience", json=body).status_code == 200
            assert send("GET", path).json()["externalId"] == external_id
            assert send("POST", f"{path}/contact", json={"contacts": ["c/1 é"]}).status_code == 204
            assert send("DELETE", f"{path}/contact").status_code == 400  # no body: not allowed
            assert send("GET", path.replace("%2F", "%2f")).status_code == 200
        assert send("GET", "/contact/c%2F1%20%C3%A9").json()["properties"]["email"] == "c1@example.com"
        assert send("DELETE", "/audience/vip%2F2024").status_code == 204
        assert web.get(f"{caller.base}/audience/a%20b").status_code == 403
    with scope.account(ann_account):
        assert Audience.objects.filter(deleted_at=None, member_count=1).count() == 3


@pytest.mark.django_db(transaction=True)
def test_of_parallel_repeats_exactly_one_passes(mailplus, ann_account):
    with running_web() as (url, _pid), httpx.Client(base_url=url, timeout=30) as web:
        caller = replace(mailplus, host=url)
        header = caller.sign("POST", "/audience")

        def send(_):
            return web.post(f"{caller.base}/audience", json=AUDIENCE, headers={"Authorization": header})

        with ThreadPoolExecutor(8) as threads:
            statuses = sorted(answer.status_code for answer in threads.map(send, range(24)))
    assert statuses == [200] + [403] * 23
