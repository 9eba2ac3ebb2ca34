"""Audiences, sync sessions, jobs and push settings as staff see them, on a desk and on a phone."""

from __future__ import annotations

import pytest
from django.urls import reverse

from audiences.models import Audience, Job, Member, SyncSession
from syncapp.accounts import scope
from tests.audiences.admin.scene import PushScene
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
    scene.hold()
    scene.suppress(3)
    scene.replace(scene.newsletter, [f"c-{n}" for n in range(170)] + ["nobody-1", "nobody-2"])
    scene.replace(scene.newsletter, [f"c-{n}" for n in range(20)])
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
