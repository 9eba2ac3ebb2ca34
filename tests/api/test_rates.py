"""Quotas: exactly the number that is published passes, however many call at once."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection
from django.db.models import F

from audiences import ingest
from syncapp.accounts import scope
from syncapp.api.models import RateWindow


def turn_back(account, seconds):
    """As if the key's windows had begun earlier."""
    with scope.account(account):
        RateWindow.objects.update(started_at=F("started_at") - timedelta(seconds=seconds))


@pytest.mark.django_db(transaction=True)
def test_of_640_parallel_calls_exactly_50_pass(api_of, ann_account, bob_account, settings):
    settings.API_REQUESTS_PER_MINUTE = 50
    api = api_of(ann_account)

    def call_twenty_times(_):
        try:
            return [api.get("/limits").status_code for _ in range(20)]
        finally:
            connection.close()

    with ThreadPoolExecutor(32) as pool:
        statuses = [status for found in pool.map(call_twenty_times, range(32)) for status in found]
    assert len(statuses) == 640
    assert statuses.count(200) == 50
    assert statuses.count(429) == 590
    assert api_of(ann_account, "another key").get("/limits").status_code == 200
    assert api_of(bob_account).get("/limits").status_code == 200


def test_headers_say_when_it_ends_and_retry_after_is_enough(api, ann_account, settings):
    settings.API_REQUESTS_PER_MINUTE = 3
    left = []
    for _ in range(3):
        answer = api.get("/limits")
        assert answer.headers["RateLimit-Policy"] == '"default";q=3;w=60'
        left.append(re.fullmatch(r'"default";r=(\d+);t=\d+', answer.headers["RateLimit"])[1])
    assert left == ["2", "1", "0"]
    refused = api.get("/limits")
    body = refused.json()
    assert (refused.status_code, body["code"], body["retryable"]) == (429, "rate_limited", True)
    assert body["violated-policies"] == ["default"]
    wait_s = int(refused.headers["Retry-After"])
    assert refused.headers["RateLimit"] == f'"default";r=0;t={wait_s}'
    assert 55 <= wait_s <= 60
    turn_back(ann_account, wait_s - 2)
    assert api.get("/limits").status_code == 429
    turn_back(ann_account, 2)
    assert api.get("/limits").status_code == 200


def test_member_operations_have_a_quota_of_their_own(api, vip, ann_account, settings):
    settings.API_MEMBER_OPERATIONS_PER_MINUTE = 5
    first = api.batch("vip-2024", {"add": ["a", "b", "c"]})
    assert re.fullmatch(r"limit=5, remaining=2, reset=\d+", first.headers["Member-Quota"])
    refused = api.batch("vip-2024", {"add": ["d", "e", "f"]})
    assert (refused.status_code, refused.json()["violated-policies"]) == (429, ["member-operations"])
    assert "Retry-After" in refused.headers
    assert sorted(api.members("vip-2024")) == ["a", "b", "c"]
    assert api.batch("vip-2024", {"add": ["d", "e"]}).status_code == 200
    turn_back(ann_account, 61)
    assert api.batch("vip-2024", {"add": ["f"]}).status_code == 200


def test_calls_without_a_key_use_up_nobodys_quota(api, settings):
    settings.API_REQUESTS_PER_MINUTE = 1
    assert api.get("/limits", authorization="Bearer no").status_code == 401
    assert api.get("/limits").status_code == 200


def test_limits_publishes_what_is_enforced(api, settings):
    settings.API_REQUESTS_PER_MINUTE = 77
    found = api.get("/limits").json()
    assert found["rates"]["requests"] == {"quota": 77, "window_s": 60}
    assert found["operations_per_request"] == 10_000
    assert found["body"] == {"compressed_bytes": 10 * 2**20, "decompressed_bytes": 50 * 2**20}


def test_every_answer_to_a_known_key_tells_both_quotas(api, api_of, vip, ann_account, monkeypatch):
    weak = api_of(ann_account, "weak", [])
    answers = {
        200: api.get("/limits"),
        403: weak.get("/audiences/vip-2024"),
        404: api.get("/audiences/nope"),
        405: api.send("PATCH", "/limits"),
        406: api.get("/limits", accept="text/html"),
        413: api._client.generic(
            "POST",
            "/api/v1/audiences/vip-2024/members/batch",
            b"{}",
            content_type="application/json",
            HTTP_AUTHORIZATION=f"Bearer {api.key}",
            CONTENT_LENGTH=str(11 * 2**20),
        ),
        415: api.batch("vip-2024", {"add": ["a"]}, content_type="text/plain"),
        422: api.batch("vip-2024", {"what": 1}),
    }
    monkeypatch.setattr(ingest, "apply", lambda **_: 1 / 0)
    answers[500] = api.batch("vip-2024", {"add": ["a"]})
    for status, answer in answers.items():
        assert answer.status_code == status
        assert re.fullmatch(r'"default";r=\d+;t=\d+', answer.headers["RateLimit"]), status
        assert re.fullmatch(r"limit=\d+, remaining=\d+, reset=\d+", answer.headers["Member-Quota"]), status
    assert "RateLimit" not in api.get("/limits", authorization="Bearer x").headers


def test_a_refused_call_changes_nothing(api, vip, settings):
    settings.API_REQUESTS_PER_MINUTE = 1
    api.put("/audiences/other", {"name": "Other"})
    body = {"name": "Changed"}
    for refused in (
        api.put("/audiences/other", body),
        api.put("/audiences/new", body),
        api.batch("vip-2024", {"add": ["a"]}),
        api.delete("/audiences/other"),
    ):
        assert (refused.status_code, refused.json()["code"]) == (429, "rate_limited")
    settings.API_REQUESTS_PER_MINUTE = 100
    assert api.get("/audiences/other").json()["name"] == "Other"
    assert api.get("/audiences/new").status_code == 404
    assert api.members("vip-2024") == []


@pytest.mark.django_db(transaction=True)
def test_of_32_parallel_systems_each_has_its_own_50(api_of, ann_account, settings):
    """Per key, not per account: 4 keys of one account, 32 callers."""
    settings.API_REQUESTS_PER_MINUTE = 50
    systems = [api_of(ann_account, f"system {number}") for number in range(4)]

    def call(number):
        try:
            return [systems[number % 4].get("/limits").status_code for _ in range(10)]
        finally:
            connection.close()

    with ThreadPoolExecutor(32) as pool:
        found = [status for statuses in pool.map(call, range(32)) for status in statuses]
    assert (found.count(200), found.count(429)) == (200, 120)
