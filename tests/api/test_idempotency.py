"""Idempotency-Key: one effect, one answer."""

from __future__ import annotations

import random
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from audiences import ingest
from syncapp.accounts import scope
from syncapp.api import idempotency
from syncapp.api.models import Reply

BODY = {"add": ["a", "b"]}


def test_a_repeat_gets_the_first_answer(api, vip):
    first = api.batch("vip-2024", BODY, idempotency_key="k-1")
    again = api.batch("vip-2024", BODY, idempotency_key='"k-1"')  # quoted, as the draft has it
    assert first.content == again.content
    assert "Idempotency-Replayed" not in first.headers
    assert again.headers["Idempotency-Replayed"] == "true"
    assert first.headers["ETag"] == again.headers["ETag"]
    assert api.batch("vip-2024", BODY).json()["summary"]["already_member"] == 2


def test_a_repeat_is_told_when_to_look_too(api):
    body = {"contacts": [{"external_id": "c-1"}]}
    first, again = (api.post("/contacts/imports", body, idempotency_key="k-1") for _ in range(2))
    assert (first.status_code, again.headers["Idempotency-Replayed"]) == (202, "true")
    for name in ("Location", "Retry-After"):
        assert first.headers[name] == again.headers[name]


def test_another_call_with_the_same_key_is_refused(api, api_of, vip, ann_account):
    api.batch("vip-2024", BODY, idempotency_key="k-1")
    for other in (
        api.batch("vip-2024", {"add": ["c"]}, idempotency_key="k-1"),
        api.batch("vip-2024", BODY, "?verbose=true", idempotency_key="k-1"),
        api.put("/audiences/other", {"name": "N"}, idempotency_key="k-1"),
    ):
        assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    neighbour = api_of(ann_account, "another key")
    assert neighbour.batch("vip-2024", {"remove": ["a"]}, idempotency_key="k-1").status_code == 200


def test_refusals_are_remembered_but_not_those_that_may_pass_later(api, vip, settings):
    body = {"atomic": True, "operations": [{"op": "add", "contact": {"email": "bad"}}]}
    first = api.batch("vip-2024", body, idempotency_key="k-1")
    assert first.status_code == 422
    assert api.batch("vip-2024", body, idempotency_key="k-1").content == first.content
    assert api.batch("vip-2024", {"x": 1}, idempotency_key="k-2").status_code == 422
    assert api.batch("vip-2024", BODY, idempotency_key="k-2").json()["code"] == "idempotency_key_reused"
    settings.API_MEMBER_OPERATIONS_PER_MINUTE = 1
    assert api.batch("vip-2024", BODY, idempotency_key="k-3").status_code == 429
    settings.API_MEMBER_OPERATIONS_PER_MINUTE = 1000
    assert api.batch("vip-2024", BODY, idempotency_key="k-3").status_code == 200


@pytest.mark.parametrize("key", ["", '""', "a b", "é", "x" * 256, 'a"b'])
def test_keys_of_the_wrong_form_are_refused(api, vip, key):
    answer = api.batch("vip-2024", BODY, idempotency_key=key)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_header")


def test_puts_and_deletes_may_carry_a_key_too(api):
    first = api.put("/audiences/a", {"name": "A"}, idempotency_key="k-1")
    again = api.put("/audiences/a", {"name": "A"}, idempotency_key="k-1")
    assert (first.status_code, again.status_code, again.content) == (201, 201, first.content)
    assert [api.delete("/audiences/a", idempotency_key="k-2").status_code for _ in range(2)] == [204, 204]


def test_after_a_day_a_key_is_free_again(api, vip, ann_account):
    api.batch("vip-2024", BODY, idempotency_key="k-1")
    with scope.account(ann_account):
        Reply.objects.update(created_at=timezone.now() - timedelta(hours=24, seconds=1))
    assert api.batch("vip-2024", {"add": ["c"]}, idempotency_key="k-1").status_code == 200
    with scope.account(ann_account):
        Reply.objects.update(created_at=timezone.now() - timedelta(hours=24, seconds=1))
        assert idempotency.forget_old() == 1


@pytest.mark.django_db(transaction=True)
def test_parallel_repeats_with_crashes_have_one_effect_each(api_of, ann_account, audience_of, monkeypatch):
    """20 keys × 8 callers; one call in five dies after its effect, before its answer is stored."""
    audience_of(ann_account, "VIP", external_id="vip", unknown_contacts="create")
    api, chance = api_of(ann_account), random.Random(11)
    real = ingest.apply

    def apply_or_die(**given):
        result = real(**given)
        if chance.random() < 0.2:
            raise RuntimeError("The process dies here")
        return result

    monkeypatch.setattr(ingest, "apply", apply_or_die)

    def call(number):
        try:
            while True:
                name = f"k-{number % 20}"
                answer = api.batch("vip", {"add": [name]}, idempotency_key=name)
                if answer.status_code == 200:
                    return name, answer.content
                assert answer.status_code in (409, 500), answer.content
                time.sleep(0.01)
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(call, range(160)))
    assert len(set(found)) == 20  # equal answers for equal keys
    assert all(b'"added":1' in content for _, content in found)
    assert sorted(api.members("vip")) == sorted({name for name, _ in found})
