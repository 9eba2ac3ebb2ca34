"""Alerts, what one is told, and webhooks, as people meet them on a desk and on a phone."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import expect

from syncapp.accounts import scope
from syncapp.notices import endpoints, resolve_alert
from syncapp.notices.models import Alert, Delivery
from tests.browser.conftest import DESK, PHONE, has_sideways_scroll
from tests.notices.conftest import known_kinds, raise_failed  # noqa: F401  fixtures

SIZES = [(DESK, "light"), (DESK, "dark"), (PHONE, "light"), (PHONE, "dark")]
LONG = "Newsletter-readers-of-the-web-shop-and-everyone-who-tested-an-e-bike-in-2026"


@pytest.fixture
def troubled(furnished: Any, raise_failed: Any) -> Any:  # noqa: F811
    """A client with some alerts, and a webhook with a history."""
    raise_failed(furnished)
    raise_failed(furnished, subject="goal:8", subject_label=LONG, title=f"The export to “{LONG}” failed")
    raise_failed(furnished, subject="goal:8", subject_label=LONG, title=f"The export to “{LONG}” failed")
    raise_failed(
        furnished,
        kind="run_held",
        severity="warning",
        title="A run waits for approval: it would remove 812 people",
    )
    raise_failed(furnished, subject="goal:9", title="The export to “Service” failed")
    resolve_alert(account_id=furnished.pk, kind="run_failed", subject="goal:9")
    with scope.account(furnished):
        Alert.objects.filter(subject="goal:7").update(first_at=timezone.now() - timedelta(hours=5))
        endpoint, _ = endpoints.make_endpoint(
            account=furnished,
            name="Service desk",
            url="https://desk.example.com/hooks/1",
            kinds=["run_failed"],
        )
        off, _ = endpoints.make_endpoint(account=furnished, name="Old chat", url="https://chat.example.com/")
        endpoints.switch(off, on=False)
        for state, status, error in (
            ("delivered", 204, ""),
            ("waiting", 503, "The receiver answered 503."),
            ("failed", None, "No answer within 15 seconds."),
        ):
            delivery = endpoints.send_test(endpoint)
            Delivery.objects.filter(pk=delivery.pk).update(
                state=state, attempts=3, last_status=status, last_error=error
            )
    return furnished


def pages_of(account: Any) -> dict[str, str]:
    with scope.account(account):
        alert = Alert.objects.get(subject="goal:8")
        delivery = Delivery.objects.latest("pk")
    return {
        "alerts": reverse("admin:notices_alert_changelist"),
        "alert": reverse("admin:notices_alert_change", args=[alert.pk]),
        "preferences": reverse("admin:notices_alert_preferences"),
        "preferences-source": reverse("admin:notices_alert_preferences") + "?source=connection:5",
        "endpoints": reverse("admin:notices_endpoint_changelist"),
        "endpoint": reverse("admin:notices_endpoint_change", args=[delivery.endpoint_id]),
        "endpoint-add": reverse("admin:notices_endpoint_add"),
        "deliveries": reverse("admin:notices_delivery_changelist"),
        "delivery": reverse("admin:notices_delivery_change", args=[delivery.pk]),
    }


@pytest.mark.parametrize(("width", "scheme"), SIZES)
def test_every_page_fits_and_keeps_its_policy(page_at, screenshot, troubled, ann, width, scheme):
    page = page_at(width, scheme, user=ann)
    wide = []
    for name, address in pages_of(troubled).items():
        answer = page.goto(address)
        page.wait_for_load_state("networkidle")
        assert answer.status == 200, name
        screenshot(page, f"notices-{name}-{width}-{scheme}")
        if has_sideways_scroll(page):
            wide.append(name)
    assert wide == []


def test_from_the_bell_to_what_it_is_about(page_at, troubled, ann):
    page = page_at(DESK, user=ann)
    page.goto("/admin/")
    page.get_by_role("link", name="3 open alerts").click()
    expect(page.get_by_text("The export to “News” failed")).to_be_visible()
    assert page.get_by_text("The export to “Service” failed").count() == 0
    page.get_by_text("The export to “News” failed").click()
    expect(page.get_by_role("link", name="Open what it is about")).to_be_visible()


@pytest.mark.parametrize("width", [DESK, PHONE])
def test_choosing_what_one_is_told(page_at, troubled, ann, width):
    page = page_at(width, user=ann)
    page.goto(reverse("admin:notices_alert_preferences"))
    group = page.get_by_role("radiogroup", name="Run failed")
    group.get_by_text("Every time").click()
    page.get_by_role("checkbox", name=re.compile("Daily digest")).uncheck()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved, for Ann’s Bicycles.")).to_be_visible()
    assert page.get_by_role("radiogroup", name="Run failed").get_by_label("Every time").is_checked()
    assert not page.get_by_role("checkbox", name=re.compile("Daily digest")).is_checked()


def test_adding_a_webhook(page_at, screenshot, troubled, ann):
    page = page_at(DESK, user=ann)
    page.goto(reverse("admin:notices_endpoint_add"))
    page.get_by_label("Name").fill("Status page")
    page.get_by_label("Address").fill("https://127.0.0.1/")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Give a host name instead of a number.")).to_be_visible()
    page.get_by_label("Address").fill("https://status.example.com/hooks")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("this secret is never shown again")).to_be_visible()
    screenshot(page, "notices-secret")
    page.get_by_role("link", name="I have copied it").click()
    page.get_by_role("button", name="Send a test").click()
    expect(page.get_by_text("A test message is on its way")).to_be_visible()
    expect(page.get_by_role("cell", name="webhook.test")).to_be_visible()
