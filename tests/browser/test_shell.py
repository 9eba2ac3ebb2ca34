"""The shell as staff meet it: sign in, find the way, see the right client."""

from __future__ import annotations

import pytest
from django.urls import reverse

from audiences.models import Audience, Profile
from syncapp.accounts import scope
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
