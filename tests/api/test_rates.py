"""Quotas: exactly the number that is published passes, however many call at once."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection
from django.db.models import F

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
