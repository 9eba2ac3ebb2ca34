"""Plans, decisions and failed people as staff see them, on a desk and on a phone."""

from __future__ import annotations

import pytest
from django.urls import reverse

from audiences.models import Profile
from connectors.models import Goal, Run
from connectors.sync import runs
from syncapp.accounts import scope
from tests.browser.conftest import DESK, PHONE, has_sideways_scroll
from tests.browser.test_connectors import SIZES, connected  # noqa: F401  fixture
from tests.connectors.admin.conftest import esp, esp_process  # noqa: F401  fixtures
from tests.connectors.admin.scene import Scene
from tests.connectors.admin.test_plans import leave

LEAVERS = 60


@pytest.fixture
def held(connected: Scene) -> Scene:  # noqa: F811
    """Sixty people left, which the goal holds; before that two were refused by the ESP, and one run was dry."""
    with scope.account(connected.account):
        Goal.objects.update(leavers="remove")
        run = runs.queue_full_run(connected.goal, trigger=Run.Trigger.MANUAL, dry=True)
    connected.plan(run)
    leave(connected, LEAVERS)
    with scope.account(connected.account):
        run = Run.objects.get(full=True, dry=False, state=Run.State.QUEUED)
    assert connected.plan(run).state == Run.State.HELD
    return connected


def pages_of(scene: Scene) -> dict[str, str]:
    with scope.account(scene.account):
        run = Run.objects.get(state=Run.State.HELD)
        dry = Run.objects.get(dry=True)
        person = Profile.objects.filter(consents__newsletter__state="granted").order_by("pk").last()
    goal = [scene.goal.pk]
    return {
        "dashboard": reverse("admin:index"),
        "goals": reverse("admin:connectors_goal_changelist"),
        "goal": reverse("admin:connectors_goal_change", args=goal),
        "run": reverse("admin:connectors_run_change", args=[run.pk]),
        "run-plan": reverse("admin:connectors_run_plan", args=[run.pk]),
        "run-settings": reverse("admin:connectors_run_settings", args=[run.pk]),
        "dry": reverse("admin:connectors_run_change", args=[dry.pk]),
        "runs": reverse("admin:connectors_run_changelist"),
        "failed": reverse("admin:connectors_goal_failed", args=goal),
        "try-empty": reverse("admin:connectors_goal_try", args=goal),
        "try": reverse("admin:connectors_goal_try", args=goal) + f"?person={person.pk}",
    }


@pytest.mark.parametrize(("width", "scheme"), SIZES)
def test_every_page_fits_and_keeps_its_policy(page_at, screenshot, held, ann, width, scheme):
    page = page_at(width, scheme, user=ann)
    wide = []
    for name, address in pages_of(held).items():
        answer = page.goto(address)
        page.wait_for_load_state("networkidle")
        assert answer.status == 200, name
        screenshot(page, f"plan-{name}-{width}-{scheme}")
        if has_sideways_scroll(page):
            wide.append(name)
    assert wide == []


@pytest.mark.parametrize("width", [DESK, PHONE])
def test_a_colleague_looks_at_the_plan_and_approves_it(page_at, held, ann, width):
    """From the dashboard to the decision, with the people who would be taken off in view."""
    page = page_at(width, user=ann)
    page.goto(reverse("admin:index"))
    page.get_by_text("Held for approval").first.wait_for()
    panel = page.locator(".conn-list li", has_text="Held for approval").first
    panel.get_by_role("link").first.click()
    page.get_by_text("Nothing was sent.").wait_for()
    assert page.locator(".conn-class.conn-warn", has_text="Leaving").locator("b").inner_text() == str(LEAVERS)
    page.get_by_role("button", name="Approve and send").click()
    assert page.get_by_text(
        "Nothing was sent."
    ).is_visible()  # the reason is missing: the browser asks for it
    page.get_by_label("Why you decide so").fill("They moved to another shop.")
    page.get_by_role("button", name="Approve and send").click()
    page.get_by_text("Approved: it is planned once more").wait_for()
    with scope.account(held.account):
        run = Run.objects.get(decision="approved", plan__counts__leaving=LEAVERS)
    assert (str(run.decided_by), run.decision_reason) == (str(ann), "They moved to another shop.")
