"""API keys in the admin: use, calls, a second secret, networks, inspector tokens; for managers of the client only."""

from __future__ import annotations

import html
import re

import pytest
from django.test import Client
from django.urls import reverse

from syncapp.accounts import keys, scope
from syncapp.accounts.models import ApiKey, Membership
from syncapp.api.models import ApiCall, InspectorToken
from tests.api.conftest import Api

FOUND, OK, FORBIDDEN, MISSING = 302, 200, 403, 404
TOKEN = re.compile(r"it_live_[\w-]{43}")


@pytest.fixture
def key(ann_account):
    row, shown = keys.issue(ann_account, "Web shop", ApiKey.Scope.values)
    row.shown = shown
    return row


@pytest.fixture
def at_anns(client, ann):
    client.force_login(ann)
    return client


@pytest.fixture
def viewer(client, ann, ann_account):
    with scope.account(ann_account):
        Membership.objects.filter(user=ann).update(role="viewer")
    client.force_login(ann)
    return client


def page(client, name, *arguments):
    return html.unescape(client.get(reverse(f"admin:{name}", args=arguments)).content.decode())


def act(client, name, key, **data):
    return client.post(reverse(f"admin:accounts_apikey_{name}", args=[key.pk]), data)


def test_the_list_says_how_much_each_key_is_used(at_anns, key, ann_account, bob_account):
    api = Api(key.shown)
    for _ in range(3):
        api.get("/limits")
    api.get("/audiences/nope")
    _, other = keys.issue(bob_account, "Bobs", ["audiences:read"])
    Api(other).get("/limits")
    shown = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page(at_anns, "accounts_apikey_changelist")))
    assert re.search(r"Web shop .* Live 4 4 25\.0 % 600,000 just now", shown)
    assert "Bobs" not in shown
    with scope.account(ann_account):
        keys.rotate(key)
    assert "Two secrets" in page(at_anns, "accounts_apikey_changelist")


def test_lists_do_not_ask_more_for_more_keys(at_anns, ann_account, django_assert_max_num_queries):
    for number in range(12):
        _, shown = keys.issue(ann_account, f"System {number}", ["audiences:read"])
        Api(shown).get("/limits")
    with django_assert_max_num_queries(25):
        page(at_anns, "accounts_apikey_changelist")
    with django_assert_max_num_queries(25):
        page(at_anns, "api_apicall_changelist")


def test_the_key_page_shows_use_and_calls(at_anns, key):
    api = Api(key.shown)
    api.get("/audiences/nope")
    shown = page(at_anns, "accounts_apikey_change", key.pk)
    assert "/api/v1/audiences/nope" in shown
    assert "audience_not_found" in shown
    assert f'-u "{key.prefix}:$SECRET"' in shown
    assert keys.parts(key.shown)[1] not in shown


def test_a_call_is_opened_by_managers_with_addresses_shortened(
    at_anns, viewer, key, ann_account, audience_of
):
    audience_of(ann_account, "VIP", external_id="vip", unknown_contacts="create")
    api = Api(key.shown)
    api.batch("vip", {"operations": [{"op": "add", "contact": {"email": "eve@example.com"}}]})
    with scope.account(ann_account):
        call = ApiCall.objects.get()
        assert "eve@example" not in page(viewer, "api_apicall_change", call.pk)
        assert "for managers" in page(viewer, "api_apicall_change", call.pk)
        Membership.objects.update(role="manager")
    shown = page(at_anns, "api_apicall_change", call.pk)
    assert "e***@example.com" in shown
    assert "eve@example" not in shown


def test_filters_of_the_log(at_anns, key, ann_account):
    other, other_shown = keys.issue(ann_account, "Other", ["audiences:read"])
    Api(key.shown).get("/limits")
    Api(other_shown).get("/audiences/nope")
    address = reverse("admin:api_apicall_changelist")
    one = at_anns.get(f"{address}?key__id__exact={other.pk}").content.decode()
    assert ("nope" in one, "/limits" in one) == (True, False)
    failed = at_anns.get(f"{address}?answer=failed").content.decode()
    assert ("nope" in failed, "v1/limits" in failed) == (True, False)
    with scope.account(ann_account):
        call = ApiCall.objects.get(status=200)
    found = at_anns.get(f"{address}?q={call.request_id}").content.decode()
    assert ("nope" in found, "v1/limits" in found) == (False, True)


def test_a_new_secret_is_shown_once_and_the_old_can_be_ended(at_anns, key, ann_account):
    answer = act(at_anns, "rotate", key)
    assert "no-store" in answer.headers["Cache-Control"]
    new = re.search(r"ak_live_[0-9a-f]{8}_[A-Za-z0-9]{43}", answer.content.decode()).group()
    assert new != key.shown
    assert [Api(shown).get("/limits").status_code for shown in (key.shown, new)] == [OK, OK]
    shown = page(at_anns, "accounts_apikey_change", key.pk)
    assert "End the old secret now" in shown
    assert keys.parts(new)[1] not in shown
    assert act(at_anns, "end_previous", key).status_code == FOUND
    assert [Api(shown).get("/limits").status_code for shown in (key.shown, new)] == [401, OK]


def test_networks_are_checked_and_kept(at_anns, key, ann_account):
    assert (
        act(at_anns, "networks", key, networks="203.0.113.0/24\n 2001:db8::/32, 203.0.113.0/24").status_code
        == FOUND
    )
    with scope.account(ann_account):
        assert ApiKey.objects.get().networks == ["203.0.113.0/24", "2001:db8::/32"]
    answer = at_anns.post(
        reverse("admin:accounts_apikey_networks", args=[key.pk]), {"networks": "203.0.113.7/24"}, follow=True
    )
    assert "is not a network" in answer.content.decode()
    assert Api(key.shown).get("/limits").json()["code"] == "ip_not_allowed"
    act(at_anns, "networks", key, networks="")
    assert Api(key.shown).get("/limits").status_code == OK


def test_an_inspector_token_is_made_shown_once_used_and_ended(at_anns, key, ann_account):
    answer = act(at_anns, "inspector", key, label="Developer", days="7")
    assert "no-store" in answer.headers["Cache-Control"]
    (shown,) = set(TOKEN.findall(answer.content.decode()))
    developer = Client()
    assert developer.post("/inspect/enter", {"token": shown}).headers["Location"] == "/inspect/calls"
    listed = page(at_anns, "accounts_apikey_change", key.pk)
    assert "Developer" in listed
    assert shown not in listed
    with scope.account(ann_account):
        token = InspectorToken.objects.get()
    assert act(at_anns, "inspector_end", key, token="99999999999").status_code == MISSING
    assert act(at_anns, "inspector_end", key, token=token.pk).status_code == FOUND
    assert developer.get("/inspect/calls").status_code == FOUND
    assert act(at_anns, "inspector", key, label="", days="7").status_code == FOUND
    assert act(at_anns, "inspector", key, label="x", days="9999").status_code == FOUND
    with scope.account(ann_account):
        assert InspectorToken.objects.count() == 1


def test_a_consumer_key_shows_both_parts(at_anns, ann_account):
    data = {"label": "Old shop", "kind": "mailplus", "scopes": ["members:write"], "networks": ""}
    answer = at_anns.post(
        reverse("admin:accounts_apikey_add"), {**data, "expires_at_0": "", "expires_at_1": ""}
    ).content.decode()
    with scope.account(ann_account):
        key = ApiKey.objects.get()
    _, secrets = keys.consumer(key.prefix)
    assert key.prefix in answer
    assert secrets[0] in answer
    assert "ak_live_" not in answer
    assert secrets[0] not in page(at_anns, "accounts_apikey_change", key.pk)


ACTS = ("rotate", "end_previous", "networks", "inspector", "inspector_end", "revoke")


@pytest.mark.parametrize("name", ACTS)
def test_acts_are_for_managers_of_the_client(client, name, key, ann, bob, charlie, ann_account):
    client.force_login(bob)
    assert act(client, name, key, label="x", days="7").status_code == MISSING
    client.force_login(charlie)
    assert act(client, name, key).status_code in (MISSING, FORBIDDEN)
    client.force_login(ann)
    assert client.get(reverse(f"admin:accounts_apikey_{name}", args=[key.pk])).status_code == FORBIDDEN
    with scope.account(ann_account):
        Membership.objects.filter(user=ann).update(role="editor")
    assert act(client, name, key, label="x", days="7").status_code == FORBIDDEN
    assert Api(key.shown).get("/limits").status_code == OK
    with scope.account(ann_account):
        assert ApiKey.objects.get().previous_until is None
        assert not InspectorToken.objects.exists()
