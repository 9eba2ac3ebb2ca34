"""Calls by the compatible doors are in the log of their key, and are sent again without a new signature."""

from __future__ import annotations

import pytest
from django.test import Client

from syncapp.accounts import scope
from syncapp.accounts.models import ApiKey
from syncapp.api import calls
from syncapp.api.inspector import passes
from syncapp.api.models import ApiCall, RefusedCalls
from tests.audiences.compat.activate.conftest import shop, shop_of  # noqa: F401  fixtures
from tests.audiences.compat.mailplus.conftest import mailplus, mailplus_of  # noqa: F401  fixtures


def last_call(account):
    with scope.account(account):
        return ApiCall.objects.order_by("-id")[0]


@pytest.fixture
def replay(ann_account):
    def send(call):
        with scope.account(ann_account):
            key = ApiKey.objects.get(pk=call.key_id)
        _, token = passes.issue(key, "Developer")
        browser = Client()
        browser.post("/inspect/enter", {"token": token})
        page = browser.get(f"/inspect/calls/{call.request_id}")
        assert page.status_code == 200
        browser.post(f"/inspect/calls/{call.request_id}/again")
        return last_call(ann_account), page.content.decode()

    return send


def test_mailplus(mailplus, replay, ann_account):  # noqa: F811
    answer = mailplus.post("/audience", {"externalId": "vip", "name": "VIP"})
    stored = last_call(ann_account)
    assert (stored.status, stored.path) == (
        answer.status,
        f"{mailplus.base}/audience",
    )
    kept = calls.unseal(stored)
    assert kept.request is not None
    assert "Authorization" not in kept.request_headers
    again, page = replay(stored)
    assert (again.replay_of, again.method) == (stored.request_id, "POST")
    assert again.status == 417  # the name is taken by the first
    assert "curl" not in page  # a signed call cannot be repeated by a command


def test_mailplus_without_a_valid_signature_is_only_counted(mailplus, ann_account):  # noqa: F811
    assert mailplus.get("/audience/vip", authorization="OAuth oauth_consumer_key=x").status in (401, 403)
    with scope.account(ann_account):
        assert not ApiCall.objects.exists()
    assert RefusedCalls.objects.get().calls == 1


def test_activate(shop, replay, ann_account):  # noqa: F811
    shop.post("/v1/track", {"events": []})
    stored = last_call(ann_account)
    assert stored.path.startswith("/compat/activate/")
    again, page = replay(stored)
    assert (again.replay_of, again.status) == (stored.request_id, stored.status)
    assert "X-AUTH-APIKEY: $KEY" in page
