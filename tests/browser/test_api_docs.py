"""The documentation as developers meet it: it reads well in every form, and what it shows can be tried out."""

from __future__ import annotations

import pytest

from audiences.models import Audience
from syncapp.accounts import keys, scope
from syncapp.accounts.models import ApiKey
from syncapp.api import guide
from tests.browser.conftest import DESK, PHONE, has_sideways_scroll

pytestmark = pytest.mark.django_db(transaction=True)
SIZES = [(DESK, "light"), (DESK, "dark"), (PHONE, "light"), (PHONE, "dark")]


@pytest.fixture
def demo_key(ann_account, settings, tmp_path):
    """As in a demo: the pages fill this key in by themselves."""
    _, key = keys.issue(ann_account, "Documentation", ApiKey.Scope.values)
    (tmp_path / "key").write_text(key)
    settings.API_DEMO_KEY_FILE = str(tmp_path / "key")
    return key


def try_out(page, operation_id):
    """Open an operation's form; its section."""
    section = page.locator(f"#{operation_id}")
    section.get_by_text("Try it", exact=True).click()
    return section


@pytest.mark.parametrize(("width", "scheme"), SIZES)
def test_every_page_fits_and_keeps_its_policy(page_at, screenshot, width, scheme):
    page = page_at(width, scheme)
    for one in guide.pages():
        answer = page.goto(one.url)
        page.wait_for_load_state("networkidle")
        assert answer.status == 200, one.slug
        assert page.locator("h1").inner_text() == one.title
        screenshot(page, f"docs-{one.slug or 'overview'}-{width}-{scheme}", full_page=False)
        assert not has_sideways_scroll(page), one.slug


@pytest.mark.parametrize(("width", "scheme"), [(DESK, "light"), (PHONE, "dark")])
def test_an_audience_is_really_created(page_at, screenshot, demo_key, ann_account, width, scheme):
    page = page_at(width, scheme)
    page.goto("/api/docs/audiences#audience_put")
    section = try_out(page, "audience_put")
    section.get_by_role("button", name="Send").click()
    section.locator(".result .status").wait_for()
    screenshot(page, f"docs-tried-{width}-{scheme}", full_page=False)
    assert section.locator(".result .status").inner_text() == "201"
    assert '"external_id": "vip-2024"' in section.locator(".result pre.json").inner_text()
    assert not has_sideways_scroll(page)
    with scope.account(ann_account):
        assert Audience.objects.get().external_id == "vip-2024"


def test_the_key_goes_from_page_to_page_and_is_gone_after_a_reload(page_at, ann_account):
    _, key = keys.issue(ann_account, "Mine", ApiKey.Scope.values)
    page = page_at()
    page.goto("/api/docs/")
    page.get_by_text("No key").click()
    page.get_by_label("API key for trying things out").fill(key)
    page.get_by_role("link", name="Limits", exact=True).click()
    page.get_by_role("heading", name="Limits", exact=True).wait_for()
    section = try_out(page, "limits_get")
    section.get_by_role("button", name="Send").click()
    section.locator(".result .status").wait_for()
    assert section.locator(".result .status").inner_text() == "200"
    assert "ratelimit" in section.locator(".result .headers").inner_text()
    page.go_back()
    page.get_by_role("heading", name="Overview").wait_for()
    assert page.get_by_text("Key set").is_visible()
    page.reload()
    assert page.get_by_text("No key").is_visible()


def test_a_missing_parameter_is_named_and_nothing_is_sent(page_at, demo_key):
    page = page_at()
    page.goto("/api/docs/audiences#audience_delete")
    section = try_out(page, "audience_delete")
    section.locator("[name=external_id][required]").fill("")
    section.get_by_role("button", name="Send").click()
    assert section.locator(".hint").inner_text() == "Fill in external_id."
    assert section.locator(".result").is_hidden()


def test_the_search_leads_to_an_operation_by_keyboard(page_at, screenshot):
    page = page_at()
    page.goto("/api/docs/changelog")
    page.keyboard.press("/")
    page.keyboard.type("add and remove members")
    page.get_by_role("option").first.wait_for()
    screenshot(page, "docs-search-1440-light", full_page=False)
    page.keyboard.press("Enter")
    page.wait_for_url("**/api/docs/members#members_batch")
    assert page.locator("#members_batch h2").is_visible()


def test_code_is_copied_and_the_language_is_remembered(page_at):
    page = page_at()
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto("/api/docs/members")
    section = page.locator("#members_batch")
    section.get_by_role("tab", name="Python").click()
    section.locator("[data-tab=Python]").hover()
    section.locator("[data-tab=Python] .copy").click()
    section.get_by_text("Copied").wait_for()
    assert "httpx.request(" in page.evaluate("navigator.clipboard.readText()")
    page.goto("/api/docs/audiences")
    assert page.locator("#audience_put [data-tab=Python]").is_visible()


def test_the_pages_are_read_without_scripts(browser, live_server):
    context = browser.new_context(base_url=live_server.url, java_script_enabled=False)
    page = context.new_page()
    page.goto("/api/docs/members")
    assert page.locator("#members_batch pre").first.is_visible()
    assert page.get_by_role("link", name="Sync sessions").first.is_visible()
    context.close()


def test_pages_come_quickly(page_at):
    """The document is read once per process; after that a page is a matter of milliseconds."""
    page = page_at()
    page.goto("/api/docs/audiences")
    page.goto("/api/docs/members")
    timing = page.evaluate("performance.getEntriesByType('navigation')[0].toJSON()")
    assert timing["responseEnd"] < 1000
    assert page.evaluate("performance.getEntriesByType('resource').length") <= 5


@pytest.mark.parametrize("width", [DESK, PHONE])
def test_an_anchor_leads_to_its_place(page_at, width):
    page = page_at(width)
    page.goto("/api/docs/members#members_batch")
    page.wait_for_load_state("networkidle")
    top = page.locator("#members_batch").bounding_box()["y"]
    assert 50 <= top <= 130
