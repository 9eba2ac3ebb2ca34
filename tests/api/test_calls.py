"""The log of calls: complete, without persons and secrets in clear, and never in the way."""

from __future__ import annotations

import gzip
import logging
import statistics
import time
from datetime import timedelta

import pytest
from django.db import DatabaseError, connection
from django.utils import timezone

from audiences import ingest
from audiences.models.push import PushSettings
from syncapp.accounts import keys, scope
from syncapp.accounts.models import ApiKey
from syncapp.api import calls, limits
from syncapp.api.models import ApiCall, ApiUsage, RefusedCalls
from syncapp.secrets import CannotOpen

ADDRESS = "eve.person@example.com"


def logged(account):
    with scope.account(account):
        return list(ApiCall.objects.order_by("id"))


def test_a_call_leaves_one_row(api, vip, ann_account):
    answer = api.batch("vip-2024", {"add": ["c-1", "c-2"]}, "?verbose=true", user_agent="shop/1.0")
    (call,) = logged(ann_account)
    assert (call.method, call.status, call.code) == ("POST", 200, "")
    assert call.path == "/api/v1/audiences/vip-2024/members/batch"
    assert call.request_id == answer.headers["X-Request-Id"]
    assert (call.received_items, call.failed_items, call.has_failed) == (2, 0, False)
    assert 0 < call.took_ms < 60_000
    assert abs((timezone.now() - call.at).total_seconds()) < 60
    kept = calls.unseal(call)
    assert (kept.path, kept.query) == (call.path, "verbose=true")
    assert (kept.request, kept.answer) == (b'{"add":["c-1","c-2"]}', answer.content)
    assert (call.request_bytes, call.answer_bytes) == (len(kept.request), len(kept.answer))
    assert kept.address == "127.0.0.1"
    assert kept.request_headers["User-Agent"] == "shop/1.0"
    assert kept.answer_headers["ETag"] == answer.headers["ETag"]
    assert "Authorization" not in kept.request_headers
    with scope.account(ann_account):
        usage = ApiUsage.objects.get()
    assert (usage.calls, usage.failed_calls, usage.received_items, usage.failed_items) == (1, 0, 2, 0)


def test_refusals_and_failed_items_are_told_apart(api, vip, ann_account):
    api.get("/audiences/nope")
    api.batch(
        "vip-2024", {"operations": [{"op": "add", "contact": {"email": "bad"}}, {"op": "add", "id": "c"}]}
    )
    api.batch("vip-2024", {"unknown": 1})
    missing, mixed, invalid = logged(ann_account)
    assert (missing.status, missing.code) == (404, "audience_not_found")
    assert (mixed.status, mixed.received_items, mixed.failed_items, mixed.has_failed) == (207, 2, 1, True)
    assert (invalid.status, invalid.code, invalid.has_failed) == (422, "validation_failed", True)
    with scope.account(ann_account):
        usage = ApiUsage.objects.get()
    assert (usage.calls, usage.failed_calls, usage.received_items, usage.failed_items) == (3, 2, 2, 1)


def test_nothing_personal_and_no_secret_stands_in_clear(api, vip, ann_account, caplog):
    api.get(f"/audiences/vip-2024/members/{ADDRESS}")
    api.get(f"/contacts/{ADDRESS}")
    assert api.get(f"/nowhere/{ADDRESS}").json()["code"] == "not_found"
    api.get(f"/audiences/vip-2024/members?limit=2&cursor={ADDRESS}")
    api.batch("vip-2024", {"operations": [{"op": "add", "contact": {"email": ADDRESS}}]})
    with scope.account(ann_account), connection.cursor() as cursor:
        cursor.execute("SELECT row_to_json(found)::text FROM api_apicall found ORDER BY id")
        rows = [row for (row,) in cursor.fetchall()]
    assert len(rows) == 5
    assert not any(
        word in row for row in rows for word in ("eve.person", "example.com", api.key, api.key[-43:])
    )
    paths = [call.path for call in logged(ann_account)]
    assert paths[2] == "/api/v1/…"
    assert paths[0].startswith("/api/v1/audiences/vip-2024/members/{")
    assert calls.unseal(logged(ann_account)[0]).path.endswith(ADDRESS)
    assert "/api/v1/… for req_" in caplog.text
    assert "eve.person" not in caplog.text


def test_a_row_opens_for_its_own_account_and_id_only(api, vip, ann_account):
    api.get("/limits")
    api.get("/limits")
    first, second = logged(ann_account)
    first.sealed = second.sealed
    with pytest.raises(CannotOpen):
        calls.unseal(first)


def test_secrets_in_bodies_are_not_kept(api, vip, ann_account):
    body = {"add": ["whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3", "ak_live_0123abcd_" + "x" * 43]}
    api.batch("vip-2024", body)
    (call,) = logged(ann_account)
    kept = calls.unseal(call)
    assert kept.request == b'{"add":["whsec_...","ak_live_0123abcd_..."]}'


def test_the_bodies_of_credentials_are_not_kept(client, ann_account):
    _, key = keys.issue(ann_account, "Shop", ["audiences:read"])
    prefix, secret = keys.parts(key)
    form = {"grant_type": "client_credentials", "client_id": prefix, "client_secret": secret}
    answer = client.post("/api/oauth/token", form)
    assert answer.status_code == 400  # multipart is no form of OAuth
    encoded = "&".join(f"{name}={value}" for name, value in form.items())
    answer = client.generic(
        "POST", "/api/oauth/token", encoded, content_type="application/x-www-form-urlencoded"
    )
    assert answer.status_code == 200
    (call,) = logged(ann_account)
    kept = calls.unseal(call)
    assert (call.path, kept.request, kept.answer) == ("/api/oauth/token", None, None)


def test_bodies_up_to_256_kib_are_kept(api, vip, ann_account):
    def push(size):
        raw = b'{"add":["' + b"x" * (size - 12) + b'"]}'
        return api.send(
            "POST",
            "/audiences/vip-2024/members/batch",
            gzip.compress(raw),
            content_encoding="gzip",
            content_type="application/json",
        )

    push(limits.LOGGED_BYTES)
    push(limits.LOGGED_BYTES + 1)
    fits, larger = logged(ann_account)
    assert (fits.request_bytes, len(calls.unseal(fits).request)) == (limits.LOGGED_BYTES, limits.LOGGED_BYTES)
    assert (larger.request_bytes, calls.unseal(larger).request) == (limits.LOGGED_BYTES + 1, None)


def test_calls_without_a_valid_key_are_only_counted(api, api_of, ann_account):
    api.get("/limits", authorization="Bearer nonsense")
    api.get("/limits", authorization="")
    assert api.get("/nowhere", authorization="").status_code == 401
    assert logged(ann_account) == []
    assert RefusedCalls.objects.get().calls == 3
    ended = api_of(ann_account, "ended")
    with scope.account(ann_account):
        keys.revoke(ApiKey.objects.get(label="ended"))
    ended.get("/limits")
    assert RefusedCalls.objects.get().calls == 3
    with scope.account(ann_account):
        usage = ApiUsage.objects.get()
        assert (usage.key.label, usage.calls, usage.refused_calls) == ("ended", 0, 1)


def test_a_switched_off_api_answers_limits_only(api, vip, ann_account):
    with scope.account(ann_account):
        PushSettings.objects.create(account=ann_account, is_enabled=False)
    answer = api.get("/audiences/vip-2024")
    assert (answer.status_code, answer.json()["code"]) == (403, "feature_not_enabled")
    assert "RateLimit" in answer.headers
    assert api.get("/limits").status_code == 200
    assert [call.code for call in logged(ann_account)] == ["feature_not_enabled", ""]


@pytest.mark.django_db(transaction=True)
def test_a_failing_log_does_not_fail_the_call(api, vip, ann_account, monkeypatch, caplog):
    monkeypatch.setattr(calls, "WRITE", "SELECT 1/0")
    with caplog.at_level(logging.ERROR):
        answer = api.batch("vip-2024", {"add": ["c"]})
    assert answer.status_code == 200
    assert "could not be logged" in caplog.text
    assert api.members("vip-2024") == ["c"]

    def fail(*_):
        raise DatabaseError("the keys of sealing are gone")

    monkeypatch.setattr(calls, "seal", fail)
    assert api.get("/limits").status_code == 200


def test_no_secret_reaches_the_logs_of_the_server(api, vip, ann_account, monkeypatch, caplog):
    monkeypatch.setattr(ingest, "apply", lambda **_: 1 / 0)
    with caplog.at_level(logging.DEBUG):
        assert api.batch("vip-2024", {"add": ["c"]}).status_code == 500
        api.get("/limits", authorization=f"Bearer {api.key}x")
    assert caplog.records
    assert api.key not in caplog.text
    assert api.key[-43:] not in "".join(str(record.__dict__.get("args")) for record in caplog.records)
    assert logged(ann_account)[0].status == 500


def test_old_calls_are_forgotten(api, ann_account, settings):
    settings.API_CALLS_DAYS = 3
    api.get("/limits")
    api.get("/limits")
    first, second = logged(ann_account)
    with scope.account(ann_account):
        ApiCall.objects.filter(pk=first.pk).update(at=timezone.now() - timedelta(days=3, seconds=1))
    with scope.everything("old calls go"):
        assert calls.forget_old() == 1
    assert [call.pk for call in logged(ann_account)] == [second.pk]


@pytest.mark.django_db(transaction=True)
def test_noting_a_call_costs_a_few_round_trips(api, monkeypatch):
    """About a millisecond; compared with the emptiest statement, for tests share their machine."""
    took, trips, real = [], [], calls.note

    def timed(*given):
        began = time.perf_counter()
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        between = time.perf_counter()
        real(*given)
        trips.append(between - began)
        took.append(time.perf_counter() - between)

    monkeypatch.setattr(calls, "note", timed)
    for _ in range(300):
        api.get("/limits")
    assert statistics.median(took) < 8 * statistics.median(trips)
