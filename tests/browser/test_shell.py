"""The shell as staff meet it: sign in, find the way, see the right client."""

from __future__ import annotations

import pytest
from django.urls import reverse

from audiences.models import Audience, Profile
from syncapp.accounts import scope
from syncapp.accounts.models import Membership
from tests.browser.conftest import DESK, PHONE, has_sideways_scroll
from tests.conftest import PASSWORD

SIZES = [(DESK, "light"), (DESK, "dark"), (PHONE, "light"), (PHONE, "dark")]


def pages_of(account):
    with scope.account(account):
        audience = Audience.objects.get(external_id="newsletter-readers")
        person = Profile.objects.order_by("id").first()
    return {
        "dashboard": reverse("admin:index"),
        "people": reverse("admin:audiences_profile_changelist"),
        "person": reverse("admin:audiences_profile_change", args=[person.pk]),
        "audiences": reverse("admin:audiences_audience_changelist"),
        "audience": reverse("admin:audiences_audience_change", args=[audience.pk]),
        "consent": reverse("admin:audiences_consent_changelist"),
        "activity": reverse("admin:activity"),
        "keys": reverse("admin:accounts_apikey_changelist"),
        "objectives": reverse("admin:audiences_objective_changelist"),
        "suppressions": reverse("admin:audiences_suppression_changelist"),
        "members": reverse("admin:accounts_membership_changelist"),
        "email": reverse("account_email"),
        "mfa": reverse("mfa_index"),
    }


@pytest.mark.parametrize(("width", "scheme"), SIZES)
def test_every_page_fits_and_keeps_its_policy(page_at, screenshot, furnished, ann, width, scheme):
    page = page_at(width, scheme, user=ann)
    for name, address in pages_of(furnished).items():
        answer = page.goto(address)
        page.wait_for_load_state("networkidle")
        assert answer.status == 200, name
        screenshot(page, f"{name}-{width}-{scheme}")
        assert not has_sideways_scroll(page), name


@pytest.mark.parametrize(("width", "scheme"), SIZES)
def test_signing_in_leads_to_the_page_that_was_asked(page_at, screenshot, furnished, ann, width, scheme):
    page = page_at(width, scheme)
    page.goto("/admin/audiences/audience/")
    screenshot(page, f"login-{width}-{scheme}")
    assert not has_sideways_scroll(page)
    page.get_by_label("Email").fill(ann.email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    assert page.url.endswith("/admin/audiences/audience/")


def test_switching_the_client_changes_all_there_is(page_at, screenshot, furnished, ann, bob_account):
    with scope.account(bob_account):
        Membership.objects.create(account=bob_account, user=ann, role=Membership.Role.EDITOR)
    page = page_at(PHONE, "light", user=ann)
    page.goto("/admin/audiences/audience/")
    assert page.get_by_text("Newsletter readers").first.is_visible()
    page.locator(".switcher-current").click()
    screenshot(page, "switcher-390-light", full_page=False)
    page.get_by_role("button", name=bob_account.name).click()
    page.wait_for_load_state("networkidle")
    assert page.get_by_text("No audiences yet").is_visible()
    assert page.locator(".client-band").get_attribute("style") == f"--client: {bob_account.colour}"
    screenshot(page, "empty-390-light")


def test_the_palette_finds_people_audiences_and_pages(page_at, screenshot, furnished, ann):
    page = page_at(DESK, "dark", user=ann)
    page.goto("/admin/")
    page.get_by_role("button", name="Find people").click()
    page.locator("#search-input-command").press_sequentially("news")
    page.locator("#command-results-list").get_by_text("Newsletter readers").wait_for()
    screenshot(page, "palette-1440-dark", full_page=False)
    page.locator("#search-input-command").fill("")
    page.locator("#search-input-command").press_sequentially("noor.devries1@")
    page.locator("#command-results-list").get_by_text("noor.devries1@example.com").click()
    page.wait_for_load_state("networkidle")
    assert page.get_by_role("heading", name="Noor de Vries").is_visible()


def test_a_key_is_made_and_seen_once(page_at, screenshot, furnished, ann):
    page = page_at(DESK, "light", user=ann)
    page.goto("/admin/accounts/apikey/add/")
    page.get_by_label("Label").fill("Event desk")
    screenshot(page, "key-add-1440-light")
    page.get_by_role("button", name="Save", exact=True).click()
    secret = page.locator("#new-key").inner_text()
    assert secret.startswith("ak_live_")
    screenshot(page, "key-shown-once-1440-light")
    page.get_by_role("link", name="I have copied it").click()
    page.wait_for_load_state("networkidle")
    assert secret not in page.content()


def test_an_answer_is_recorded_by_hand(page_at, screenshot, furnished, ann):
    with scope.account(furnished):
        person = Profile.objects.order_by("id").first()
    page = page_at(PHONE, "dark", user=ann)
    page.goto(reverse("admin:audiences_profile_change", args=[person.pk]))
    page.get_by_text("Record an answer").click()
    page.get_by_label("Proof").fill("Signed at the counter, form 118")
    screenshot(page, "answer-390-dark")
    page.get_by_role("button", name="Add to the ledger").click()
    page.wait_for_load_state("networkidle")
    assert page.get_by_text("“Signed at the counter, form 118”").is_visible()
