"""Two secrets during a rotation, networks, and consumer secrets."""

from __future__ import annotations

from datetime import timedelta
from ipaddress import ip_network

import pytest
from django.db import connection
from django.utils import timezone

from syncapp.accounts import keys, scope
from syncapp.accounts.models import ApiKey


def bearer(key):
    return f"Bearer {key}"


def test_both_secrets_work_during_a_rotation(api, ann_account):
    row, old = keys.issue(ann_account, "Shop", ["audiences:read"])
    new = keys.rotate(row)
    assert (new != old, new[:16], new[:16] == old[:16]) == (True, old[:16], True)
    assert [api.get("/limits", authorization=bearer(key)).status_code for key in (old, new)] == [200, 200]
    assert keys.check(old) == keys.check(new)
    with scope.account(ann_account):
        until = ApiKey.objects.get(pk=row.pk).previous_until
        assert timedelta(days=6.9) < until - timezone.now() <= timedelta(days=7)
        ApiKey.objects.filter(pk=row.pk).update(previous_until=timezone.now())
    assert [api.get("/limits", authorization=bearer(key)).status_code for key in (old, new)] == [401, 200]


def test_an_old_secret_can_be_ended_and_a_third_ends_the_first(api, ann_account):
    row, first = keys.issue(ann_account, "Shop", ["audiences:read"])
    second = keys.rotate(row)
    third = keys.rotate(row)
    found = [api.get("/limits", authorization=bearer(key)).status_code for key in (first, second, third)]
    assert found == [401, 200, 200]
    keys.end_previous(row)
    found = [api.get("/limits", authorization=bearer(key)).status_code for key in (second, third)]
    assert found == [401, 200]
    with scope.account(ann_account):
        keys.revoke(row)
    with pytest.raises(keys.Refused):
        keys.rotate(row)


def test_a_revoked_key_stops_with_the_next_call(api, ann_account):
    row, key = keys.issue(ann_account, "Shop", ["audiences:read"])
    assert api.get("/limits", authorization=bearer(key)).status_code == 200
    with scope.account(ann_account):
        keys.revoke(row)
    assert api.get("/limits", authorization=bearer(key)).status_code == 401


def test_networks(api, ann_account, settings):
    _, key = keys.issue(ann_account, "Shop", [], networks=["203.0.113.0/24", "2001:db8::/32"])

    def status(address, forwarded=None):
        extra = {} if forwarded is None else {"HTTP_X_FORWARDED_FOR": forwarded}
        answer = api._client.get(
            "/api/v1/limits", REMOTE_ADDR=address, HTTP_AUTHORIZATION=bearer(key), **extra
        )
        assert "RateLimit" in answer.headers
        return answer.status_code if answer.status_code == 200 else answer.json()["code"]

    assert [status("203.0.113.9"), status("2001:db8::7"), status("::ffff:203.0.113.9")] == [200, 200, 200]
    assert [status("198.51.100.1"), status("")] == ["ip_not_allowed"] * 2
    # Without trusted proxies the header is anybody's invention.
    assert status("198.51.100.1", "203.0.113.9") == "ip_not_allowed"
    settings.TRUSTED_PROXIES = (ip_network("10.0.0.0/8"),)
    assert status("10.0.0.2", "203.0.113.9") == 200
    assert status("10.0.0.2", "203.0.113.9, 10.0.0.3") == 200
    assert status("10.0.0.2", "203.0.113.9, 198.51.100.1") == "ip_not_allowed"
    assert status("10.0.0.2", "nonsense") == "ip_not_allowed"


def test_calls_from_elsewhere_use_up_nothing(api, ann_account, settings):
    settings.API_REQUESTS_PER_MINUTE = 2
    _, key = keys.issue(ann_account, "Shop", [], networks=["203.0.113.0/24"])

    def status(address):
        return api._client.get(
            "/api/v1/limits", REMOTE_ADDR=address, HTTP_AUTHORIZATION=bearer(key)
        ).status_code

    assert [status("198.51.100.1") for _ in range(5)] == [403] * 5
    assert [status("203.0.113.1") for _ in range(3)] == [200, 200, 429]


def test_consumer_secrets_are_kept_sealed_and_rotate(ann_account):
    row, shown = keys.issue(ann_account, "Old shop", ["members:write"], kind=ApiKey.Kind.MAILPLUS)
    prefix, first = keys.parts(shown)
    client, secrets = keys.consumer(prefix)
    assert (client.key_id, client.scopes, secrets) == (row.pk, frozenset(["members:write"]), (first,))
    second = keys.parts(keys.rotate(row))[1]
    assert keys.consumer(prefix)[1] == (second, first)
    with scope.account(ann_account), connection.cursor() as cursor:
        cursor.execute("SELECT secrets FROM accounts_apikey WHERE id = %s", [row.pk])
        (stored,) = cursor.fetchone()
    assert first not in stored
    assert second not in stored
    assert first not in f"{row!r} {row.secrets!r} {client!r}"
    keys.end_previous(row)
    assert keys.consumer(prefix)[1] == (second,)
    with pytest.raises(keys.Refused):
        keys.check(shown)  # a consumer secret is not a bearer key
    bearer_row, _ = keys.issue(ann_account, "New shop", [])
    with pytest.raises(keys.Refused):
        keys.consumer(bearer_row.prefix)
    with scope.account(ann_account):
        keys.revoke(row)
    with pytest.raises(keys.Refused):
        keys.consumer(prefix)
