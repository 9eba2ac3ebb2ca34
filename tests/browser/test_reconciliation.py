"""The comparison with the ESP, in a browser: nothing yet, being read, differences, and the people behind a number."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone

from audiences.models import Audience
from connectors.models import Goal, Reconciliation
from connectors.tasks import reconcile_goal
from syncapp.accounts import scope
from syncapp.work import Slice
from tests.browser.conftest import DESK, PHONE, has_sideways_scroll
from tests.connectors.admin.conftest import esp, esp_process  # noqa: F401  fixtures
from tests.connectors.admin.scene import Scene, connect

SIZES = [(DESK, "light"), (DESK, "dark"), (PHONE, "light"), (PHONE, "dark")]


@pytest.fixture
def drifted(furnished: Any, ann: Any, esp: Any) -> Scene:  # noqa: F811
    """A goal that ran; since then, people at the ESP did what people do."""
    with scope.account(furnished):
        audience = Audience.objects.get(external_id="newsletter-readers")
    scene = connect(furnished, esp, audience)
    scene.run(ann)
    with scope.account(furnished):
        Goal.objects.filter(pk=scene.goal.pk).update(approved_version=1, needs_full_run=False)
    active = [email for email, row in sorted(scene.subscribers().items()) if row["state"] == "Active"]
    for email in active[:6]:
        esp.act("edit", list_id=scene.list_id, email=email, fields={"City": "Elsewhere"})
    for email in active[6:9]:
        esp.act("unsubscribe", list_id=scene.list_id, email=email)
    esp.act("bounce", list_id=scene.list_id, email=active[9])
    walkins = [{"email": f"walk.in{number}@example.com"} for number in range(4)]
    lists = [{"id": scene.list_id, "title": "News", "subscribers": walkins}]
    esp.seed({"clients": [{"id": scene.client_id, "lists": lists}]})
    return scene


def work(scene: Scene) -> None:
    with scope.account(scene.account):
        found = Reconciliation.objects.latest("queued_at")
        while reconcile_goal(scene.account.pk, str(found.pk), Slice(60)) is not None:
            pass


def history(scene: Scene) -> None:
    """Earlier comparisons, for the trend."""
    with scope.account(scene.account):
        for number, found in enumerate((2, 0, 5, 0, 0, 9, 1)):
            Reconciliation.objects.create(
                account=scene.account,
                goal=scene.goal,
                trigger="nightly",
                state="failed" if number == 3 else "done",
                reason="The ESP could not be reached." if number == 3 else "",
                differences={"fields": found} if found else {},
                read=180,
                compared_at=None if number == 3 else timezone.now(),
                finished_at=timezone.now(),
            )


def test_a_list_is_compared_and_repaired(page_at: Any, screenshot: Any, drifted: Scene, ann: Any):
    address = reverse("admin:connectors_goal_reconciliation", args=[drifted.goal.pk])
    page = page_at(DESK, user=ann)
    page.goto(address)
    screenshot(page, "reconciliation-empty")
    page.get_by_role("button", name="Compare now").click()
    page.get_by_text("Waits for a worker.").wait_for()
    screenshot(page, "reconciliation-queued")
    work(drifted)
    page.get_by_text("14 people differ").wait_for()  # by itself: the page asks every two seconds
    page.get_by_role("link", name="6", exact=True).click()
    page.get_by_role("heading", name="Fields differ").wait_for()
    page.go_back()
    page.get_by_role("button", name="Prepare the repair").click()
    page.get_by_text("The repair is being prepared; its run is held").wait_for()
    work(drifted)
    page.get_by_role("link", name="Look at its run").click()
    page.get_by_text("Repair of differences").first.wait_for()


@pytest.mark.parametrize(("width", "scheme"), SIZES)
def test_the_pages_fit(page_at: Any, screenshot: Any, drifted: Scene, ann: Any, width: int, scheme: str):
    history(drifted)
    with scope.account(drifted.account):
        Reconciliation.objects.create(account=drifted.account, goal=drifted.goal, trigger="manual")
    work(drifted)
    page = page_at(width, scheme, user=ann)
    pages = {
        "matrix": reverse("admin:connectors_goal_reconciliation", args=[drifted.goal.pk]),
        "people": reverse("admin:connectors_goal_reconciled", args=[drifted.goal.pk]) + "?kind=fields",
        "extra": reverse("admin:connectors_goal_reconciled", args=[drifted.goal.pk])
        + "?side=others&seen=active",
    }
    for name, address in pages.items():
        page.goto(address)
        assert not has_sideways_scroll(page), name
        screenshot(page, f"reconciliation-{name}-{width}-{scheme}")
