"""API keys and the push inspector, as people meet them on a desk and on a phone."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import expect

from syncapp.accounts import keys, scope
from syncapp.accounts.models import ApiKey
from syncapp.api import usage
from syncapp.api.inspector import passes
from syncapp.api.models import ApiCall, ApiUsage
from tests.api.conftest import Api
from tests.browser.conftest import DESK, PHONE, has_sideways_scroll

pytestmark = pytest.mark.django_db(transaction=True)
SIZES = [(DESK, "light"), (DESK, "dark"), (PHONE, "light"), (PHONE, "dark")]
LONG = "an-audience-with-a-very-long-external-id-that-somebody-made-out-of-a-whole-sentence"


@pytest.fixture
def busy(furnished: Any) -> Any:
    """A key with a month behind it and some calls of every kind; `shown` is its token for the inspector."""
    key, secret = keys.issue(furnished, "Web shop, production", ApiKey.Scope.values)
    keys.issue(furnished, "Old till", ["members:write"], kind=ApiKey.Kind.MAILPLUS)
    _, key.shown = passes.issue(key, "Developer of the shop")
    key.api = api = Api(secret)
    api.get("/limits")
    api.put(f"/audiences/{LONG}", {"name": "Long", "unknown_contacts": "create"})
    api.batch("newsletter-readers", {"add": ["c-1", "c-2"], "remove": ["nobody"]})
    api.batch(
        "newsletter-readers",
        {
            "operations": [
                {"op": "add", "contact": {"external_id": "c-9", "email": "noor@example.com"}},
                {"op": "add", "contact": {"email": "no address"}},
                {"op": "remove", "id": "c-404"},
            ],
            "verbose": True,
        },
    )
    api.get("/audiences/nope")
    api.batch("newsletter-readers", {"wrong": 1})
    api.delete(f"/audiences/{LONG}")
    with scope.account(furnished):
        for days in range(1, 29):
            ApiUsage.objects.create(
                account=furnished,
                key=key,
                day=usage.today() - timedelta(days=days),
                calls=120 + (days * 37) % 90,
                failed_calls=(days * 7) % 19,
                received_items=4000,
                last_at=timezone.now() - timedelta(days=days),
            )
    return key


def enter(page: Any, token: str) -> None:
    page.goto("/inspect/")
    page.get_by_label("Inspector token").fill(token)
    page.get_by_role("button", name="Look at the calls").click()
    page.wait_for_url("**/inspect/calls")


@pytest.mark.parametrize(("width", "scheme"), SIZES)
def test_the_inspector_fits_and_keeps_its_policy(page_at, screenshot, busy, furnished, width, scheme):
    page = page_at(width, scheme)
    wide = []

    def look(name: str) -> None:
        screenshot(page, f"inspect-{name}-{width}-{scheme}")
        if has_sideways_scroll(page):
            wide.append(name)

    page.goto("/inspect/")
    look("door")
    enter(page, busy.shown)
    look("calls")
    page.goto("/inspect/calls?path=nothing-like-it")
    look("none")
    page.goto("/inspect/calls")
    page.locator(".call-row", has=page.locator(".failed")).get_by_role("link").first.click()
    page.wait_for_selector("table.items")
    look("call")
    page.goto("/inspect/calls?status=404")
    page.locator(".call-row", has_text="nope").get_by_role("link").click()
    look("refused")
    page.goto("/inspect/calls?path=" + LONG[:60])
    page.locator(".call-row", has_text="DELETE").get_by_role("link").click()
    page.get_by_role("button", name="Replay").click()
    expect(page.get_by_role("heading", name="Send it again?")).to_be_visible()
    look("sure")
    assert wide == []


def test_calls_appear_by_themselves_and_are_replayed(page_at, busy, furnished):
    page = page_at()
    enter(page, busy.shown)
    expect(page.locator(".call-row[id]")).to_have_count(7)
    busy.api.get("/audiences/fresh")
    expect(page.locator(".call-row", has_text="/audiences/fresh")).to_be_visible(timeout=10_000)
    page.locator(".call-row", has_text="members/batch").last.get_by_role("link").click()
    page.get_by_role("button", name="Replay").click()
    expect(page.get_by_text("replay of")).to_be_visible()
    with scope.account(furnished):
        assert ApiCall.objects.exclude(replay_of="").count() == 1
    page.get_by_role("button", name="Leave").click()
    page.wait_for_url("**/inspect/")


def test_only_failures(page_at, busy):
    page = page_at()
    enter(page, busy.shown)
    page.get_by_label("Only failures").check()
    page.get_by_role("button", name="Show").click()
    expect(page.locator(".call-row[id]")).to_have_count(3)
    expect(page.locator(".call-row .status.good")).to_have_count(0)


@pytest.mark.parametrize(("width", "scheme"), SIZES)
def test_the_pages_of_keys_fit_and_keep_their_policy(
    page_at, screenshot, busy, furnished, ann, width, scheme
):
    page = page_at(width, scheme, user=ann)
    with scope.account(furnished):
        call = ApiCall.objects.get(failed_items__gt=0)
    places = {
        "keys": reverse("admin:accounts_apikey_changelist"),
        "key": reverse("admin:accounts_apikey_change", args=[busy.pk]),
        "key-add": reverse("admin:accounts_apikey_add"),
        "calls": reverse("admin:api_apicall_changelist"),
        "call": reverse("admin:api_apicall_change", args=[call.pk]),
    }
    wide = []
    for name, address in places.items():
        page.goto(address)
        page.wait_for_load_state("networkidle")
        screenshot(page, f"keys-{name}-{width}-{scheme}")
        if has_sideways_scroll(page):
            wide.append(name)
    assert wide == []


def test_a_key_is_rotated_and_inspected_from_its_page(page_at, screenshot, busy, ann):
    page = page_at(user=ann)
    page.goto(reverse("admin:accounts_apikey_change", args=[busy.pk]))
    page.get_by_role("button", name="Make a new secret").click()
    expect(page.locator("#new-key")).to_contain_text("ak_live_")
    page.get_by_role("link", name="I have copied it").click()
    page.get_by_role("button", name="End the old secret now").click()
    expect(page.get_by_text("The old secret has ended")).to_be_visible()
    page.get_by_label("For whom").fill("Second developer")
    page.get_by_role("button", name="Make a token").click()
    screenshot(page, "keys-inspector-token")
    token = page.locator("#new-token").inner_text()
    outside = page_at()
    enter(outside, token)
    expect(outside.locator(".call-row[id]")).to_have_count(7)
