"""Erasing a person by hand: managers only, asked once more, and then nobody sees them."""

from __future__ import annotations

import pytest
from django.urls import reverse

from audiences.erasing import work
from audiences.jobs.carrying import carry_out
from audiences.models import Erasure, Job, Profile, PushSettings
from syncapp.accounts import keys, scope
from syncapp.accounts.models import Membership
from syncapp.work import Slice

JAN = "jan@example.nl"


@pytest.fixture
def jan(profile_of, ann_account):
    return profile_of(ann_account, JAN, external_id="c-1")


def page_of(profile, name="erase"):
    return reverse(f"admin:audiences_profile_{name}", args=[profile.pk])


def test_a_manager_erases_after_typing_who(client, ann, jan, ann_account):
    client.force_login(ann)
    assert page_of(jan) in client.get(page_of(jan, "change")).content.decode()
    asked = client.post(page_of(jan), {"name": "somebody"})
    assert "Type jan@example.nl to erase" in asked.content.decode()
    done = client.post(page_of(jan), {"name": " Jan@Example.nl "})
    with scope.account(ann_account):
        job = Job.objects.get()
        assert done.headers["Location"] == reverse("admin:audiences_job_change", args=[job.pk])
        assert Erasure.objects.count() == 3
        assert Profile.objects.get().email is None
    assert client.get(page_of(jan, "change")).status_code == 404
    people = client.get(reverse("admin:audiences_profile_changelist")).content.decode()
    assert JAN not in people
    assert f"Person {jan.pk}" not in people
    assert client.get(done.headers["Location"]).status_code == 200


def test_others_do_not(client, ann, bob, charlie, jan, ann_account):
    with scope.account(ann_account):
        Membership.objects.filter(user=ann).update(role=Membership.Role.EDITOR)
    for user, status in ((ann, 403), (bob, 404), (charlie, 404)):
        client.force_login(user)
        assert client.post(page_of(jan), {"name": JAN}).status_code == status
    client.force_login(ann)
    assert page_of(jan) not in client.get(page_of(jan, "change")).content.decode()
    with scope.account(ann_account):
        assert not Erasure.objects.exists()


def test_who_approves_sees_whom_it_is_about(client, ann, jan, ann_account):
    with scope.account(ann_account):
        PushSettings.objects.create(account=ann_account, requires_approval=True)
        row, _ = keys.issue(ann_account, "ERP", ["contacts:write"])
        system = keys.Client(row.pk, ann_account.pk, row.prefix, row.label, frozenset(row.scopes))
        job = work.erase(client=system, account_id=ann_account.pk, profile_id=jan.pk)
    client.force_login(ann)
    page = client.get(reverse("admin:audiences_job_change", args=[job.pk])).content.decode()
    assert page_of(jan, "change") in page
    decide = reverse("admin:audiences_job_decide", args=[job.pk])
    client.post(decide, {"decision": "approve", "reason": "Asked by mail."})
    with scope.account(ann_account):
        carry_out(ann_account.pk, str(job.pk), Slice())
        assert Erasure.objects.exists()
