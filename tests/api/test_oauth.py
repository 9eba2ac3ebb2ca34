"""Tokens for keys, as RFC 6749 (client credentials) has it."""

from __future__ import annotations

import base64
from datetime import timedelta
from urllib.parse import urlencode

import pytest
from django.test import Client
from django.utils import timezone

from syncapp.accounts import keys, scope
from syncapp.accounts.models import ApiKey
from syncapp.api import attempts, tokens
from syncapp.api.models import AccessToken, ApiUsage, RefusedCalls

TOKEN = "/api/oauth/token"
FORM = "application/x-www-form-urlencoded"


class Door:
    """One external system asking for tokens."""

    def __init__(self, account, *scopes):
        self.row, self.key = keys.issue(account, "Shop", scopes or ["audiences:read", "members:read"])
        self.client_id, self.secret = keys.parts(self.key)
        self._client = Client(raise_request_exception=False)

    def post(self, body, content_type=FORM, **extra):
        data = body if isinstance(body, (str, bytes)) else urlencode(body)
        return self._client.generic("POST", TOKEN, data, content_type=content_type, **extra)

    def ask(self, secret=None, **more):
        body = {"grant_type": "client_credentials", **more}
        return self.post(body, HTTP_AUTHORIZATION=self.basic(secret or self.secret))

    def basic(self, secret):
        return "Basic " + base64.b64encode(f"{self.client_id}:{secret}".encode()).decode()

    def token(self, **more):
        return self.ask(**more).json()["access_token"]


@pytest.fixture
def door(ann_account):
    return Door(ann_account)


def test_a_token_works_as_the_key_does(door, api, vip):
    answer = door.ask()
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Cache-Control"] == "no-store"
    body = answer.json()
    assert (body["token_type"], body["expires_in"]) == ("Bearer", 3600)
    assert body["scope"] == "audiences:read members:read"
    bearer = f"Bearer {body['access_token']}"
    assert api.get("/audiences/vip-2024", authorization=bearer).status_code == 200
    refused = api.put("/audiences/vip-2024", {"name": "X"}, authorization=bearer)
    assert (refused.status_code, refused.json()["scope"]) == (403, "audiences:write")


def test_credentials_may_come_in_the_body(door):
    body = {"grant_type": "client_credentials", "client_id": door.client_id, "client_secret": door.secret}
    assert door.post(body).status_code == 200
    assert door.post({**body, "client_secret": door.key}).status_code == 200  # the whole key is fine too


def test_scopes_can_be_narrowed_but_not_widened(door, api, vip):
    narrow = door.ask(scope="members:read").json()
    assert narrow["scope"] == "members:read"
    bearer = f"Bearer {narrow['access_token']}"
    assert api.get("/audiences/vip-2024/members", authorization=bearer).status_code == 200
    assert api.get("/audiences/vip-2024", authorization=bearer).json()["scope"] == "audiences:read"
    for wanted in ("audiences:delete", "members:read audiences:delete", " "):
        answer = door.ask(scope=wanted)
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_scope")
    with scope.everything("the key loses a scope; its tokens do too"):
        ApiKey.objects.filter(pk=door.row.pk).update(scopes=["audiences:read"])
    assert api.get("/audiences/vip-2024/members", authorization=bearer).status_code == 403


@pytest.mark.parametrize(
    ("body", "status", "error"),
    [
        ({}, 400, "invalid_request"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
        ("grant_type=client_credentials&grant_type=client_credentials", 400, "invalid_request"),
        ("grant_type", 400, "invalid_request"),
        (b"\xff\xfe=\xff", 400, "invalid_request"),
        ("a=" + "x" * 10_000, 413, "invalid_request"),
        ("&".join(f"a{number}=1" for number in range(50)), 400, "invalid_request"),
        ({"grant_type": "client_credentials", "client_secret": "x"}, 400, "invalid_request"),
        ({"grant_type": "client_credentials", "client_id": "other"}, 400, "invalid_request"),
    ],
)
def test_bad_requests(door, body, status, error):
    answer = door.post(body, HTTP_AUTHORIZATION=door.basic(door.secret))
    assert (answer.status_code, answer.json()["error"]) == (status, error)
    assert answer.headers["Content-Type"] == "application/json"
    assert door.secret not in answer.content.decode()


def test_no_form_and_other_methods(door):
    answer = door.post("{}", content_type="application/json")
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
    answer = Client().get(TOKEN)
    assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")
    assert answer.json()["error"] == "invalid_request"


def test_wrong_credentials(door, ann_account):
    mailplus, whole = keys.issue(ann_account, "Mail+", [], kind=ApiKey.Kind.MAILPLUS)
    wrong = [
        door.ask("x" * 43),
        door.ask("ak_live_00000000_" + door.secret),
        door.post({"grant_type": "client_credentials"}),
        door.post({"grant_type": "client_credentials"}, HTTP_AUTHORIZATION="Basic %%%"),
        door.post(
            {
                "grant_type": "client_credentials",
                "client_id": mailplus.prefix,
                "client_secret": keys.parts(whole)[1],
            }
        ),
    ]
    for answer in wrong:
        assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
        assert answer.headers["WWW-Authenticate"] == 'Basic realm="api"'
    assert RefusedCalls.objects.get().calls == 5


def test_an_expired_token_says_so(door, api):
    bearer = f"Bearer {door.token()}"
    assert api.get("/limits", authorization=bearer).status_code == 200
    with scope.everything("an hour passes"):
        AccessToken.objects.update(expires_at=timezone.now())
    answer = api.get("/limits", authorization=bearer)
    assert (answer.status_code, answer.json()["code"]) == (401, "token_expired")
    assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]
    with scope.everything("days pass"):
        assert tokens.forget_old() == 0
        AccessToken.objects.update(expires_at=timezone.now() - timedelta(days=2))
        assert tokens.forget_old() == 1
    assert api.get("/limits", authorization=bearer).json()["code"] == "invalid_credentials"


def test_tokens_end_with_their_key_and_only_their_hash_is_kept(door, api, ann_account):
    token = door.token()
    with scope.account(ann_account):
        assert bytes(AccessToken.objects.get().token_sha256) == tokens.to_hash(token)
        keys.revoke(door.row)
    answer = api.get("/limits", authorization=f"Bearer {token}")
    assert (answer.status_code, answer.json()["code"]) == (401, "invalid_credentials")
    assert door.ask().json()["error"] == "invalid_client"
    with scope.account(ann_account):  # the right secret after its end is counted at the key
        assert ApiUsage.objects.get(key=door.row).refused_calls == 2


def test_guessing_is_slowed_down_for_the_right_secret_too(door, monkeypatch):
    monkeypatch.setattr(attempts, "MOST", 5)
    assert {door.ask().status_code for _ in range(8)} == {200}  # right ones do not count
    assert [door.ask("x" * 43).status_code for _ in range(6)] == [401] * 5 + [429]
    stopped = door.ask()
    assert stopped.status_code == 429
    assert 1 <= int(stopped.headers["Retry-After"]) <= 60
    elsewhere = door.post(
        {"grant_type": "client_credentials"},
        HTTP_AUTHORIZATION=door.basic(door.secret),
        REMOTE_ADDR="198.51.100.7",
    )
    assert elsewhere.status_code == 200


def test_a_token_costs_a_request(door, settings):
    settings.API_REQUESTS_PER_MINUTE = 2
    assert [door.ask().status_code for _ in range(3)] == [200, 200, 429]
    assert door.ask().json()["error"] == "temporarily_unavailable"
