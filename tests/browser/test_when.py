"""Choosing when a goal runs: the next runs are shown while one chooses, in every kind and size."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import reverse

from audiences.models import Audience
from connectors.models import Goal
from syncapp.accounts import scope
from tests.browser.conftest import DESK, PHONE, has_sideways_scroll
from tests.connectors.admin.conftest import esp, esp_process  # noqa: F401  fixtures
from tests.connectors.admin.scene import Scene, connect

SIZES = [(DESK, "light"), (DESK, "dark"), (PHONE, "light"), (PHONE, "dark")]
KINDS = {
    "By hand": "Only when a person starts it.",
    "Every so many minutes": "Every 30 minutes.",
    "Every so many hours": "Every 6 hours.",
    "Times of the day": "Every day at 06:00.",
    "Days of the week": "On weekdays at 06:00.",
    "Days of the month": "On the 1st of the month at 06:00.",
    "A weekday of the month": "On the first Monday of the month at 06:00.",
    "Cron expression": "Five fields are needed",
}


@pytest.fixture
def scene(furnished: Any, esp: Any) -> Scene:  # noqa: F811
    with scope.account(furnished):
        audience = Audience.objects.get(external_id="newsletter-readers")
    return connect(furnished, esp, audience)


@pytest.mark.parametrize(("width", "scheme"), SIZES)
def test_every_kind_shows_its_next_runs_while_one_chooses(page_at, screenshot, scene, ann, width, scheme):
    page = page_at(width, scheme, user=ann)
    page.goto(reverse("admin:connectors_goal_when", args=[scene.goal.pk]))
    preview = page.locator("#next-runs")
    for number, (kind, words) in enumerate([*KINDS.items()][1:]):
        page.get_by_role("radio", name=kind).check()
        preview.get_by_text(words).wait_for()
        runs = 0 if kind == "Cron expression" else 3
        assert preview.locator("li").count() == runs, kind
        assert not has_sideways_scroll(page), kind
        screenshot(page, f"when-{number}-{width}-{scheme}")
    page.get_by_label("Cron expression", exact=True).last.fill("0 0 31 2 *")
    preview.get_by_text("would never run").wait_for()
    page.wait_for_load_state("networkidle")  # leaving would cut off the next runs that are asked for
    page.get_by_role("button", name="Save").click()
    assert page.locator("[role=alert]").get_by_text("would never run").is_visible()
    screenshot(page, f"when-refused-{width}-{scheme}")


@pytest.mark.parametrize(("width", "scheme"), SIZES)
def test_a_schedule_with_two_times_and_quiet_hours_is_kept(page_at, screenshot, scene, ann, width, scheme):
    page = page_at(width, scheme, user=ann)
    page.goto(reverse("admin:connectors_goal_change", args=[scene.goal.pk]))
    page.get_by_role("link", name="Change", exact=False).last.click()
    page.get_by_role("radio", name="Days of the week").check()
    page.get_by_role("button", name="Add a time").click()
    page.get_by_label("Time 2", exact=True).fill("18:30")
    page.get_by_label("From", exact=True).fill("22:00")
    page.get_by_label("until", exact=True).fill("06:15")
    page.locator("#next-runs").get_by_text("On weekdays at 06:00 and 18:30.").wait_for()
    page.locator("#next-runs").get_by_text("quiet: sends from 06:15").first.wait_for()
    screenshot(page, f"when-filled-{width}-{scheme}")
    page.get_by_role("button", name="Add a time").click()
    page.get_by_label("Time 3", exact=True).fill("12:00")
    page.locator("#next-runs").get_by_text("at 06:00, 12:00 and 18:30.").wait_for()
    page.get_by_role("button", name="Remove time 3").click()
    page.locator("#next-runs").get_by_text("On weekdays at 06:00 and 18:30.").wait_for()
    page.wait_for_load_state("networkidle")  # leaving would cut off the next runs that are asked for
    page.get_by_role("button", name="Save").click()
    page.get_by_text("Quiet from 22:00 until 06:15.").wait_for()
    assert not has_sideways_scroll(page)
    screenshot(page, f"when-kept-{width}-{scheme}")
    with scope.account(scene.account):
        goal = Goal.objects.get(pk=scene.goal.pk)
    assert goal.schedule == {"kind": "weekdays", "weekdays": [0, 1, 2, 3, 4], "times": ["06:00", "18:30"]}
    page.get_by_role("link", name="Change", exact=False).last.click()
    assert page.get_by_label("Time 2", exact=True).input_value() == "18:30"
