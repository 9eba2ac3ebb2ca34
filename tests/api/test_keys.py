"""Who gets in: only whole, right, living keys with the scope a call needs."""

from __future__ import annotations

import random
import statistics
import string
import time
from datetime import timedelta

import pytest
from django.utils import timezone

from syncapp.accounts import keys, scope
from syncapp.accounts.models import ApiKey

CALLS = {
    "audiences:read": lambda api: api.get("/audiences/vip-2024"),
    "audiences:write": lambda api: api.put("/audiences/vip-2024", {"name": "VIP"}),
    "members:read": lambda api: api.get("/audiences/vip-2024/members"),
    "members:write": lambda api: api.batch("vip-2024", {"add": ["x"], "unknown_contacts": "reject"}),
    "audiences:delete": lambda api: api.delete("/audiences/vip-2024"),
}


def mutated(key, chance):
    """The key with one character changed, added, dropped, or two swapped."""
    at = chance.randrange(len(key))
    letter = chance.choice(string.ascii_letters + string.digits + "_-.é ")
    found = chance.choice(
        [
            key[:at] + letter + key[at + 1 :],
            key[:at] + letter + key[at:],
            key[:at] + key[at + 1 :],
            key[:at] + key[at : at + 2][::-1] + key[at + 2 :],
            key.swapcase(),
        ]
    )
    return found if found.strip() != key else key + "x"


def test_a_thousand_mutated_keys_are_refused(ann_account):
    _, key = keys.issue(ann_account, "ERP", ["audiences:read"])
    chance = random.Random(7)
    for _ in range(1000):
        with pytest.raises(keys.Refused):
            keys.check(mutated(key, chance))
    assert keys.check(key).account_id == ann_account.pk


def test_every_refused_key_gets_the_same_answer(api_of, vip, ann_account):
    answers = []
    for label in ("wrong", "unknown", "expired", "revoked", "none", "basic", "garbage"):
        caller = api_of(ann_account, label)
        with scope.account(ann_account):
            row = ApiKey.objects.get(label=label)
            if label == "expired":
                ApiKey.objects.filter(pk=row.pk).update(expires_at=timezone.now())
            if label == "revoked":
                keys.revoke(row)
        header = {
            "wrong": f"Bearer {caller.key[:-1]}{'A' if caller.key[-1] != 'A' else 'B'}",
            "unknown": "Bearer ak_live_00000000_" + caller.key.split("_")[3],
            "none": "",
            "basic": "Basic dXNlcjpwYXNz",
            "garbage": "Bearer \x7f\xff ak_live",
        }.get(label, f"Bearer {caller.key}")
        answer = caller.get("/audiences/vip-2024", authorization=header)
        assert answer.status_code == 401, label
        assert answer.headers["WWW-Authenticate"] == 'Bearer realm="api"'
        body = answer.json()
        assert body.pop("request_id").startswith("req_")
        answers.append(body)
    assert all(answer == answers[0] for answer in answers)
    assert answers[0]["code"] == "invalid_credentials"


def test_an_archived_clients_key_is_refused(api, ann_account):
    ann_account.archived_at = timezone.now()
    ann_account.save()
    assert api.get("/limits").status_code == 401


def test_a_missing_scope_is_named(api_of, ann_account, vip):
    for needed, call in CALLS.items():
        others = [value for value in ApiKey.Scope.values if value != needed]
        answer = call(api_of(ann_account, f"without {needed}", others))
        assert (answer.status_code, answer.json()["code"]) == (403, "insufficient_scope"), needed
        assert answer.json()["scope"] == needed
        assert f'scope="{needed}"' in answer.headers["WWW-Authenticate"]
        assert call(api_of(ann_account, f"only {needed}", [needed])).status_code < 300


def test_contact_data_and_consents_need_their_scopes(api_of, ann_account, vip, objective_of):
    objective_of(ann_account)
    consent = {"objective": "newsletter", "state": "granted", "occurred_at": "2026-01-01T00:00:00Z"}
    caller = api_of(ann_account, "members only", ["members:write"])
    reject = {"unknown_contacts": "reject"}
    data = {"operations": [{"op": "add", "id": "c", "contact": {"properties": {"a": 1}}}], **reject}
    said = {"operations": [{"op": "add", "id": "c", "consents": [consent]}], **reject}
    assert caller.batch("vip-2024", data).json()["scope"] == "contacts:write"
    assert caller.batch("vip-2024", said).json()["scope"] == "consents:write"
    assert (
        caller.batch("vip-2024", {"add": ["c"], "unknown_contacts": "create"}).json()["scope"]
        == "contacts:write"
    )
    assert caller.batch("vip-2024", {"add": ["c"], **reject}).status_code == 207


def test_use_is_noted_once_a_minute(api, ann_account):
    def last_used():
        with scope.account(ann_account):
            return ApiKey.objects.get().last_used_at

    api.get("/limits")
    first = last_used()
    api.get("/limits")
    assert first is not None
    assert last_used() == first
    with scope.account(ann_account):
        ApiKey.objects.update(last_used_at=timezone.now() - timedelta(seconds=61))
    api.get("/limits")
    assert last_used() > first


def test_the_secret_is_nowhere_but_in_the_answer_of_issue(ann_account):
    row, key = keys.issue(ann_account, "ERP", ["audiences:read"])
    secret = key.split("_")[3]
    assert len(secret) == keys.SECRET_CHARS
    with scope.account(ann_account):
        stored = ApiKey.objects.filter(pk=row.pk).values().get()
    assert bytes(stored["secret_sha256"]) == keys.hash_secret(secret)
    assert secret not in str(stored)
    assert secret not in repr(keys.check(key))


def test_an_unknown_scope_is_not_issued(ann_account):
    with pytest.raises(ValueError, match="everything"):
        keys.issue(ann_account, "ERP", ["everything"])


def test_unknown_id_and_wrong_secret_take_the_same_time(ann_account):
    _, key = keys.issue(ann_account, "ERP", ["audiences:read"])
    wrong = key[:-1] + ("A" if key[-1] != "A" else "B")
    unknown = "ak_live_ffffffff_" + key.split("_")[3]
    took: dict[str, list[float]] = {wrong: [], unknown: []}
    for number in range(1200):  # by turns, or the machine's moods would count
        shown = (wrong, unknown)[number % 2]
        began = time.perf_counter()
        with pytest.raises(keys.Refused):
            keys.check(shown)
        took[shown].append(time.perf_counter() - began)
    medians = [statistics.median(times) for times in took.values()]
    assert max(medians) / min(medians) < 1.10
