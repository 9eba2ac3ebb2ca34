"""The page to try the API out: complete, and content with our own host under a strict policy."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.django_db(transaction=True)


def test_swagger_shows_every_operation(page_at):
    page = page_at()
    page.goto("/api/docs/")
    page.wait_for_selector(".opblock")
    assert page.locator(".opblock").count() == 6
    page.locator("#operations-Members-members_batch .opblock-summary-control").click()
    page.wait_for_selector("#operations-Members-members_batch .execute")


def test_the_errors_fit_a_phone(page_at):
    page = page_at(390, "dark")
    page.goto("/api/docs/errors#audience_in_use")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
