"""Audiences, sync sessions, jobs and push settings as staff see them, on a desk and on a phone."""

from __future__ import annotations

import pytest
from django.urls import reverse

from audiences.models import Audience, Job, Member, SyncSession
from syncapp.accounts import scope
from tests.audiences.admin.scene import PushScene, members_of
from tests.browser.conftest import DESK, PHONE, has_sideways_scroll

SIZES = [(DESK, "light"), (DESK, "dark"), (PHONE, "light"), (PHONE, "dark")]


@pytest.fixture
def pushed(furnished) -> PushScene:
    """Ann's furnished client, with a system that pushed for sixty days."""
    with scope.account(furnished):
        Audience.objects.filter(external_id="newsletter-readers").update(
            folder="Campaigns/Weekly", labels=["weekly", "crm"]
        )
        Audience.objects.filter(external_id="e-bike-test-riders").update(folder="Events", labels=["bikes"])
    scene = PushScene(furnished, "Loyalty programme", "Card holders")
    scene.live_for()
    scene.suppress(3)
    scene.replace(scene.newsletter, [f"c-{n}" for n in range(170)] + ["nobody-1", "nobody-2"])
    scene.replace(scene.newsletter, [f"c-{n}" for n in range(20)])
    scene.hold()
    old = scene.audience("Card holders 2024", "Loyalty/Old", ["card"], source_system="ERP")
    scene.push(old, range(40))
    scene.ask(old)
    return scene


def pages_of(scene: PushScene) -> dict[str, str]:
    with scope.account(scene.account):
        blocked = SyncSession.objects.get(state=SyncSession.State.BLOCKED)
        done = SyncSession.objects.get(state=SyncSession.State.COMPLETED_WITH_ERRORS)
        job = Job.objects.get(approval=Job.Approval.WAITING)
        member = Member.objects.filter(audience=scene.newsletter).first()
    one = [scene.newsletter.pk]
    return {
        "dashboard": reverse("admin:index"),
        "audiences": reverse("admin:audiences_audience_changelist"),
        "folder": reverse("admin:audiences_audience_changelist") + "?folder=Loyalty",
        "audience": reverse("admin:audiences_audience_change", args=one) + "?days=90",
        "held": reverse("admin:audiences_audience_change", args=one) + "?view=held",
        "member": reverse("admin:audiences_audience_member", args=one) + f"?person={member.profile_id}",
        "edit": reverse("admin:audiences_audience_edit", args=one),
        "export": reverse("admin:audiences_audience_export", args=one),
        "empty": reverse("admin:audiences_audience_empty", args=one),
        "delete": reverse("admin:audiences_audience_delete", args=one),
        "syncs": reverse("admin:audiences_syncsession_changelist"),
        "sync-blocked": reverse("admin:audiences_syncsession_change", args=[blocked.pk]),
        "sync-errors": reverse("admin:audiences_syncsession_change", args=[done.pk]),
        "jobs": reverse("admin:audiences_job_changelist"),
        "job-waiting": reverse("admin:audiences_job_change", args=[job.pk]),
        "push-settings": reverse("admin:audiences_pushsettings_changelist"),
    }


@pytest.mark.parametrize(("width", "scheme"), SIZES)
def test_every_page_fits_and_keeps_its_policy(page_at, screenshot, pushed, ann, width, scheme):
    page = page_at(width, scheme, user=ann)
    wide = []
    for name, address in pages_of(pushed).items():
        answer = page.goto(address)
        page.wait_for_load_state("networkidle")
        assert answer.status == 200, name
        screenshot(page, f"audiences-{name}-{width}-{scheme}")
        if has_sideways_scroll(page):
            wide.append(name)
    assert wide == []


def test_the_star_works_by_keyboard_and_stays_in_place(page_at, pushed, ann):
    page = page_at(DESK, user=ann)
    page.goto(reverse("admin:audiences_audience_changelist") + "?folder=Loyalty")
    star = page.locator(f"#star-{pushed.newsletter.pk}")
    assert star.get_attribute("aria-pressed") == "true"
    star.focus()
    page.keyboard.press("Enter")
    page.locator(f"#star-{pushed.newsletter.pk}[aria-pressed=false]").wait_for()
    assert page.url.endswith("?folder=Loyalty")
    with scope.account(pushed.account):
        assert Audience.objects.get(pk=pushed.newsletter.pk).favourite is False


@pytest.mark.parametrize("width", [DESK, PHONE])
def test_from_the_dashboard_to_an_approval(page_at, pushed, ann, width):
    """What is at stake is in view, a reason is asked for, and the worker is told."""
    page = page_at(width, user=ann)
    page.goto(reverse("admin:index"))
    page.locator(".rows-list li", has_text="Replace “Card holders”").get_by_role(
        "link", name="Decide"
    ).click()
    page.get_by_text("Nothing was changed yet.").wait_for()
    assert page.locator(".figure", has_text="Would leave").locator(".figure-value").inner_text() == "−150"
    page.get_by_role("button", name="Approve and apply").click()
    assert page.get_by_text("Nothing was changed yet.").is_visible()  # the browser asks for the reason
    page.get_by_label("Why you decide so").fill("The old shop was closed.")
    page.get_by_role("button", name="Approve and apply").click()
    page.get_by_text("Approved: it is applied now").wait_for()
    with scope.account(pushed.account):
        session = SyncSession.objects.get(confirmed_by=ann)
        pushed.work(session.job)
    page.get_by_text("Completed").first.wait_for()  # the page looks again by itself
    assert members_of(pushed.newsletter) == 20


def test_moving_to_a_folder_that_is_typed(page_at, pushed, ann):
    page = page_at(DESK, user=ann)
    page.goto(reverse("admin:audiences_audience_changelist") + "?q=riders")
    page.locator("input.action-select").first.check()
    page.locator("select[name=action]").select_option("move")
    page.locator("#changelist-actions-wrapper").get_by_role("button").first.click()
    page.get_by_label("Folder").fill("Seasons/Autumn")
    page.get_by_role("button", name="Move").click()
    page.get_by_text("Moved to “Seasons/Autumn”").wait_for()
    assert page.locator(".aud-side").get_by_text("Autumn").is_visible()


def test_how_a_member_came_in_unfolds_in_place(page_at, pushed, ann):
    page = page_at(DESK, user=ann)
    page.goto(reverse("admin:audiences_audience_change", args=[pushed.newsletter.pk]))
    page.locator(".aud-member .member-since").first.click()
    page.locator(".aud-history").get_by_text("by API key Loyalty programme").first.wait_for()
    assert page.url.endswith(f"/{pushed.newsletter.pk}/change/")
