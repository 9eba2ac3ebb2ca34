"""The push inspector: one key's calls for who has a token, and for nobody else."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from syncapp.accounts import keys, scope
from syncapp.accounts.models import ApiKey
from syncapp.api import calls, tokens
from syncapp.api.inspector import passes
from syncapp.api.models import ApiCall, InspectorToken

CALLS = "/inspect/calls"


def key_of(account, label="ERP"):
    with scope.account(account):
        return ApiKey.objects.get(account=account, label=label)


def last_call(account):
    with scope.account(account):
        return ApiCall.objects.order_by("-id")[0]


class Developer:
    """A browser without scripts."""

    def __init__(self, token):
        self.browser = Client(enforce_csrf_checks=True)
        self.token = token

    def post(self, path, **data):
        page = self.browser.get("/inspect/", follow=True).content.decode()
        found = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page)
        return self.browser.post(path, {**data, "csrfmiddlewaretoken": found[1]})

    def enter(self):
        return self.post("/inspect/enter", token=self.token)

    def see(self, query=""):
        return self.browser.get(f"{CALLS}{query}").content.decode()

    def replay(self, request_id, **data):
        return self.post(f"{CALLS}/{request_id}/again", **data)


@pytest.fixture
def inspector(api, ann_account):
    row, shown = passes.issue(key_of(ann_account), "Developer")
    developer = Developer(shown)
    developer.row = row
    assert developer.enter().status_code == 302
    return developer


def test_without_a_token_there_is_only_the_door(api, vip, ann_account):
    api.get("/limits")
    call = last_call(ann_account)
    stranger = Developer("it_live_nonsense")
    for path in (CALLS, f"{CALLS}/rows", f"{CALLS}/{call.request_id}"):
        answer = stranger.browser.get(path)
        assert (answer.status_code, answer.headers["Location"]) == (302, "/inspect/")
    refused = stranger.enter()
    assert refused.status_code == 403
    assert "not valid" in refused.content.decode()
    assert stranger.browser.get(CALLS).status_code == 302
    assert stranger.replay(call.request_id).headers["Location"] == "/inspect/"


def test_pages_are_not_cached_framed_or_open_to_other_hosts(inspector):
    answer = inspector.browser.get(CALLS)
    assert answer.headers["Cache-Control"] == "no-store"
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "form-action 'self'" in policy
    assert "unsafe" not in policy
    assert answer.headers["X-Frame-Options"] == "DENY"
    cookie = inspector.browser.cookies["inspector"]
    assert (cookie["path"], cookie["httponly"], cookie["samesite"]) == ("/inspect/", True, "Strict")
    assert inspector.token not in cookie.value


def test_csrf_is_needed(inspector, api, vip, ann_account):
    api.get("/limits")
    call = last_call(ann_account)
    assert inspector.browser.post(f"{CALLS}/{call.request_id}/again").status_code == 403
    assert inspector.browser.post("/inspect/leave").status_code == 403
    assert Client(enforce_csrf_checks=True).post("/inspect/enter", {"token": "x"}).status_code == 403


def test_a_token_shows_its_own_keys_calls_only(inspector, api, api_of, vip, ann_account, bob_account):
    api.get("/audiences/mine")
    mine = last_call(ann_account)
    api_of(ann_account, "neighbour").get("/audiences/neighbours")
    neighbours = last_call(ann_account)
    api_of(bob_account, "bob").get("/audiences/bobs")
    bobs = last_call(bob_account)
    page = inspector.see()
    assert "/audiences/mine" in page
    assert "neighbours" not in page
    assert "bobs" not in page
    assert inspector.browser.get(f"{CALLS}/{mine.request_id}").status_code == 200
    unknown = inspector.browser.get(f"{CALLS}/req_unknown")
    for foreign in (neighbours, bobs):
        answer = inspector.browser.get(f"{CALLS}/{foreign.request_id}")
        assert (answer.status_code, answer.content) == (404, unknown.content)
        assert inspector.replay(foreign.request_id).status_code == 404


def test_filters_and_pages(inspector, api, vip):
    for number in range(55):
        api.get(f"/audiences/a-{number}")
    api.batch("vip-2024", {"add": ["c"]})
    page = inspector.see()
    assert page.index("vip-2024/members") < page.index("a-54") < page.index("a-10")
    assert "a-5<" not in page  # the 51st
    older = re.search(r'href="(/inspect/calls\?[^"]*before=\d+)"', page)[1].replace("&amp;", "&")
    assert "a-5<" in inspector.browser.get(older).content.decode()
    assert "vip-2024/members" in inspector.see("?status=2xx")
    assert "a-54" not in inspector.see("?status=2xx")
    assert "vip-2024/members" not in inspector.see("?failures=1")
    assert "a-33" in inspector.see("?path=A-33&status=404")
    assert "No call matches" in inspector.see("?path=nowhere")
    assert "No call matches" in inspector.see("?status=5xx")
    for nonsense in ("?status=abc", "?before=x", "?before=99999999999999999999", "?path=%00"):
        assert inspector.browser.get(CALLS + nonsense).status_code == 200


def test_one_call_shows_items_with_codes_and_a_command(inspector, api, vip, ann_account):
    body = {
        "operations": [
            {"op": "add", "contact": {"email": "eve@example.com"}},
            {"op": "add", "contact": {"email": "bad"}},
        ]
    }
    api.batch("vip-2024", body)
    page = inspector.browser.get(f"{CALLS}/{last_call(ann_account).request_id}").content.decode()
    assert "/operations/1" in page
    assert "bad" in page
    assert re.search(r'href="/api/docs/errors#item-\w+"', page)
    assert "Authorization: Bearer $KEY" in page.replace("&quot;", '"')
    assert api.key not in page
    assert "<dt>failed</dt><dd>1</dd>" in page
    api.get("/audiences/%3Cscript%3Ealert(1)%3C%2Fscript%3E")
    page = inspector.browser.get(f"{CALLS}/{last_call(ann_account).request_id}").content.decode()
    assert "<script>alert" not in page
    assert "/api/docs/errors#audience_not_found" in page


def test_a_replay_is_a_new_call_of_the_key(inspector, api, vip, ann_account):
    first = api.batch("vip-2024", {"add": ["c-1"]}, idempotency_key="once")
    stored = last_call(ann_account)
    api.delete("/audiences/vip-2024/members/c-1")
    answer = inspector.replay(stored.request_id)
    again = last_call(ann_account)
    assert answer.headers["Location"] == f"{CALLS}/{again.request_id}"
    assert again.request_id != stored.request_id
    assert (again.replay_of, again.status, again.method) == (stored.request_id, 200, "POST")
    kept = calls.unseal(again)
    assert kept.request == calls.unseal(stored).request
    assert b'"added":1' in kept.answer  # not the stored answer of the Idempotency-Key
    assert "Idempotency-Key" not in kept.request_headers
    assert api.members("vip-2024") == ["c-1"]
    assert first.status_code == 200
    page = inspector.see()
    assert "replay</span>" in page


def test_a_replay_has_the_keys_scopes_quota_and_networks(inspector, api, vip, ann_account, settings):
    api.batch("vip-2024", {"add": ["c-1"]})
    stored = last_call(ann_account)
    key = key_of(ann_account)
    with scope.account(ann_account):
        ApiKey.objects.filter(pk=key.pk).update(scopes=["audiences:read"])
    inspector.replay(stored.request_id)
    assert last_call(ann_account).code == "insufficient_scope"
    settings.API_REQUESTS_PER_MINUTE = 1
    inspector.replay(stored.request_id)
    assert last_call(ann_account).code == "rate_limited"
    with scope.account(ann_account):
        ApiKey.objects.filter(pk=key.pk).update(networks=["203.0.113.0/24"])
    inspector.replay(stored.request_id)
    assert last_call(ann_account).code == "ip_not_allowed"


def test_what_a_token_narrowed_stays_narrow(inspector, api, vip, ann_account):
    with scope.account(ann_account):
        token = tokens.issue(keys.check(api.key), ["members:write"])
    api.batch("vip-2024", {"add": ["c"], "unknown_contacts": "create"}, authorization=f"Bearer {token}")
    stored = last_call(ann_account)
    assert stored.code == "insufficient_scope"
    inspector.replay(stored.request_id)
    assert last_call(ann_account).code == "insufficient_scope"


def test_a_refused_calls_body_is_kept_for_the_replay(inspector, api, vip, ann_account, settings):
    settings.API_REQUESTS_PER_MINUTE = 1
    api.get("/limits")
    api.batch("vip-2024", {"add": ["late"]})
    stored = last_call(ann_account)
    assert (stored.code, calls.unseal(stored).request) == ("rate_limited", b'{"add":["late"]}')
    settings.API_REQUESTS_PER_MINUTE = 100
    inspector.replay(stored.request_id)
    assert api.members("vip-2024") == ["late"]


def test_destructive_calls_are_asked_about_first(inspector, api, ann_account):
    api.put("/audiences/a", {"name": "A"})
    api.delete("/audiences/a")
    stored = last_call(ann_account)
    api.put("/audiences/a", {"name": "A"})
    asked = inspector.replay(stored.request_id)
    assert (asked.status_code, "Replay it" in asked.content.decode()) == (200, True)
    assert api.get("/audiences/a").status_code == 200
    inspector.replay(stored.request_id, sure="yes")
    assert api.get("/audiences/a").status_code == 404


def test_a_revoked_key_makes_no_replays_but_its_calls_stay(inspector, api, ann_account):
    api.get("/limits")
    stored = last_call(ann_account)
    with scope.account(ann_account):
        keys.revoke(key_of(ann_account))
    refused = inspector.replay(stored.request_id)
    assert (refused.status_code, "revoked" in refused.content.decode()) == (409, True)
    assert "/api/v1/limits" in inspector.see()


def test_what_was_not_kept_is_not_sent_again(inspector, api, vip, ann_account):
    api.batch("vip-2024", {"add": ["x" * 255] * 1100})
    refused = inspector.replay(last_call(ann_account).request_id)
    assert (refused.status_code, "not kept" in refused.content.decode()) == (409, True)
    api.batch("vip-2024", {"add": ["ak_live_0123abcd_" + "x" * 43]})
    refused = inspector.replay(last_call(ann_account).request_id)
    assert (refused.status_code, "secret" in refused.content.decode()) == (409, True)


def test_sessions_end_with_the_token(inspector, api):
    assert inspector.browser.get(CALLS).status_code == 200
    with scope.everything("the token is used now"):
        assert InspectorToken.objects.get().last_used_at is not None
        InspectorToken.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert inspector.browser.get(CALLS).status_code == 302
    with scope.everything("and another way"):
        InspectorToken.objects.update(expires_at=timezone.now() + timedelta(days=1))
        assert inspector.browser.get(CALLS).status_code == 200
        passes.revoke(inspector.row)
    assert inspector.browser.get(CALLS).status_code == 302
    assert inspector.enter().status_code == 403


def test_leaving_ends_the_session(inspector):
    inspector.post("/inspect/leave")
    assert inspector.browser.get(CALLS).status_code == 302


def test_only_a_hash_of_the_token_is_kept(inspector, ann_account):
    with scope.account(ann_account):
        row = InspectorToken.objects.values().get()
    assert bytes(row["token_sha256"]) == passes.to_hash(inspector.token)
    assert inspector.token not in str(row)
    assert timedelta(days=29) < row["expires_at"] - timezone.now() <= timedelta(days=30)
