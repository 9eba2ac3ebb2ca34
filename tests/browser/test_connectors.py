"""Connections as a new colleague meets them: set one up, watch it run, see who is on the list."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import reverse

from audiences.models import Audience
from connectors.models import Call, Connection, Outcome, Run
from syncapp.accounts import scope
from tests.browser.conftest import DESK, PHONE, has_sideways_scroll
from tests.connectors.admin.conftest import esp, esp_process  # noqa: F401  fixtures
from tests.connectors.admin.scene import API_KEY, Scene, at_esp, connect

SIZES = [(DESK, "light"), (DESK, "dark"), (PHONE, "light"), (PHONE, "dark")]
REFUSED = {"noor.devries1@example.com": 1, "daan.devries5@example.com": 204}


@pytest.fixture
def connected(furnished: Any, ann: Any, esp: Any) -> Scene:  # noqa: F811
    """A connection with a history: a full run with rejected people, another one, and one that is queued."""
    with scope.account(furnished):
        audience = Audience.objects.get(external_id="newsletter-readers")
    scene = connect(furnished, esp, audience)
    esp.faults([{"kind": "partial", "match": "subscribers.import", "addresses": REFUSED}])
    scene.run(ann)
    scene.run(ann)
    with scope.account(furnished):
        Connection.objects.create(
            account=furnished,
            name="Service mails",
            connector="campaign_monitor",
            authorization=scene.authorization,
        )
    return scene


def pages_of(scene: Scene) -> dict[str, str]:
    with scope.account(scene.account):
        run, call = Run.objects.earliest("queued_at"), Call.objects.earliest("id")
        person = Outcome.objects.filter(code="consent_denied").first().profile_id
        draft = Connection.objects.get(name="Service mails")
    names = ("connection", "authorization", "run", "call")
    lists = {f"{name}s": reverse(f"admin:connectors_{name}_changelist") for name in names}
    steps = ("authorization", "client", "list", "audiences", "objectives", "fields", "when", "recap")
    return {
        **lists,
        "dashboard": reverse("admin:index"),
        "connection": reverse("admin:connectors_connection_change", args=[scene.connection.pk]),
        "draft": reverse("admin:connectors_connection_change", args=[draft.pk]),
        "authorization": reverse("admin:connectors_authorization_change", args=[scene.authorization.pk]),
        "authorization-add": reverse("admin:connectors_authorization_add"),
        "goal": reverse("admin:connectors_goal_change", args=[scene.goal.pk]),
        "goal-when": reverse("admin:connectors_goal_when", args=[scene.goal.pk]),
        "goal-people": reverse("admin:connectors_goal_people", args=[scene.goal.pk]),
        "goal-people-off": reverse("admin:connectors_goal_people", args=[scene.goal.pk]) + "?view=off",
        "run": reverse("admin:connectors_run_change", args=[run.pk]),
        "run-people": reverse("admin:connectors_run_people", args=[run.pk]) + "?result=rejected",
        "run-calls": reverse("admin:connectors_run_calls", args=[run.pk]),
        "run-settings": reverse("admin:connectors_run_settings", args=[run.pk]),
        "call": reverse("admin:connectors_call_change", args=[call.pk]),
        "person-lists": reverse("admin:audiences_profile_change", args=[person]),
        **{
            f"setup-{n}-{s}": reverse("admin:connectors_setup", args=[scene.connection.pk, s])
            for n, s in enumerate(steps)
        },
    }


@pytest.mark.parametrize(("width", "scheme"), SIZES)
def test_every_page_fits_and_keeps_its_policy(page_at, screenshot, connected, ann, width, scheme):
    page = page_at(width, scheme, user=ann)
    wide = []
    for name, address in pages_of(connected).items():
        answer = page.goto(address)
        page.wait_for_load_state("networkidle")
        assert answer.status == 200, name
        screenshot(page, f"{name}-{width}-{scheme}")
        if has_sideways_scroll(page):
            wide.append(name)
    assert wide == []


def test_a_new_colleague_sets_a_connection_up(page_at, screenshot, furnished, ann, esp):  # noqa: F811
    """From an empty list to a run, by clicking only."""
    at_esp(esp)
    page = page_at(DESK, user=ann)
    page.goto(reverse("admin:connectors_connection_changelist"))
    screenshot(page, "setup-empty")
    page.goto(reverse("admin:connectors_connection_add"))
    page.get_by_label("How you call it").fill("Agency’s account")
    page.get_by_label("API key").fill("not-the-right-key-0123456789")
    page.get_by_role("button", name="Next").click()
    assert page.get_by_text("Someone of the account must act.").is_visible()
    page.get_by_label("API key").fill(API_KEY)
    page.get_by_role("button", name="Next").click()
    page.get_by_text("Ann’s Bicycles", exact=True).last.click()
    page.get_by_role("button", name="Next").click()
    page.get_by_text("News", exact=True).click()
    page.get_by_role("button", name="Next").click()
    page.get_by_text("Newsletter readers").click()
    page.get_by_text("Unsubscribe them from the list").click()
    page.get_by_role("button", name="Next").click()
    page.get_by_role("link", name="Back").click()
    assert page.get_by_role("checkbox", name="Newsletter readers").is_checked(), "back keeps what was chosen"
    page.get_by_role("button", name="Next").click()
    page.get_by_text("Newsletter", exact=True).click()
    page.get_by_role("button", name="Next").click()
    assert page.get_by_text("suggested", exact=True).count() == 3
    page.get_by_role("button", name="Next").click()
    page.get_by_text("Times of the day").click()
    page.get_by_text("Every day at 06:00.").wait_for()
    page.get_by_role("button", name="Next").click()
    assert page.get_by_text("is billed twice").is_visible()
    page.get_by_label("Name of the connection").fill("News of Ann")
    page.get_by_role("button", name="Switch on").click()
    assert page.get_by_text("its first run is queued").is_visible()
    with scope.account(furnished):
        run = Run.objects.select_related("goal__connection").get()
    Scene(furnished, esp, "", "", None, run.goal.connection, run.goal).carry_out(run)  # type: ignore[arg-type]
    page.get_by_text("Completed").first.wait_for(timeout=8000)  # the page asks by itself
    assert page.get_by_text("The counters add up.").is_visible()
    screenshot(page, "setup-ran")
