"""What a client allows the systems that push into it: for its managers, with its own objectives."""

from __future__ import annotations

import pytest
from django.urls import reverse

from audiences.models import PushSettings, push_settings
from syncapp.accounts import scope

FOUND, OK, FORBIDDEN, NOT_FOUND = 302, 200, 403, 404
PAGE = "/admin/audiences/pushsettings/"
GIVEN = {
    "is_enabled": "on",
    "requires_approval": "on",
    "restore_days": "60",
    "activate_newsletter": "news",
    "activate_service": "",
    "activate_marketing": "",
}


@pytest.fixture
def objectives(objective_of, ann_account, bob_account):
    objective_of(ann_account, "news")
    objective_of(bob_account, "his")


def test_a_manager_sets_them_and_the_trail_says_who(at_anns, ann_account, objectives):
    assert "The objective with the key" in at_anns.get(PAGE).content.decode()
    with scope.account(ann_account):
        assert not PushSettings.objects.exists()  # looking makes no row
    assert at_anns.post(PAGE, GIVEN).status_code == FOUND
    with scope.account(ann_account):
        kept = push_settings(ann_account.pk)
        assert (kept.requires_approval, kept.restore_days, kept.mailplus_may_empty) == (True, 60, False)
        assert kept.activate_objectives == {"newsletter": "news"}
    change = reverse("admin:audiences_pushsettings_change", args=[kept.pk])
    assert at_anns.get(change).status_code == OK
    assert at_anns.post(change, {**GIVEN, "is_enabled": ""}).status_code == FOUND
    assert push_off(ann_account)
    history = at_anns.get(reverse("admin:audiences_pushsettings_history", args=[kept.pk])).content.decode()
    assert "Ann Smit" in history


def push_off(account):
    with scope.account(account):
        return not push_settings(account.pk).is_enabled


@pytest.mark.parametrize(
    ("field", "value"),
    [("restore_days", "0"), ("restore_days", "91"), ("restore_days", ""), ("activate_service", "his")],
)
def test_bad_values_are_refused_in_place(at_anns, ann_account, objectives, field, value):
    answer = at_anns.post(PAGE, {**GIVEN, field: value})
    assert answer.status_code == OK
    assert "form-error" in answer.content.decode()
    with scope.account(ann_account):
        assert not PushSettings.objects.exists()


def test_they_are_for_managers(signed_in, objectives):
    for role in ("viewer", "editor"):
        client = signed_in(role)
        assert client.get(PAGE).status_code == FORBIDDEN
        assert client.post(PAGE, GIVEN).status_code == FORBIDDEN
        assert "Push settings" not in client.get(reverse("admin:index")).content.decode()


def test_another_clients_are_not_found(at_anns, bob_account, objectives):
    with scope.account(bob_account):
        his = PushSettings.objects.create(account=bob_account)
    assert at_anns.get(reverse("admin:audiences_pushsettings_change", args=[his.pk])).status_code == NOT_FOUND


def test_with_all_clients_in_view_it_asks_whose(client, agency_admin, ann_account, bob_account):
    client.force_login(agency_admin)
    page = client.get(PAGE).content.decode()
    assert "of which client?" in page
    assert ann_account.name in page
