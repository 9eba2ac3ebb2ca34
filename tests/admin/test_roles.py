"""Roles: every page × role × act, and when a change of role is felt."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib import admin
from django.urls import reverse
from django.utils import timezone

from audiences.models import Audience, Objective
from syncapp.accounts import scope
from syncapp.accounts.access import RANK
from syncapp.accounts.models import Membership, User
from syncapp.admin.base import TenantAdmin
from syncapp.admin.rights import RoleRights
from tests.admin.canaries import plant
from tests.admin.test_walk import client_of
from tests.conftest import PASSWORD

ROLES = (Membership.Role.VIEWER, Membership.Role.EDITOR, Membership.Role.MANAGER)
OK, FORBIDDEN, NOT_FOUND = 200, 403, 404


def user_with(account, role):
    user = User.objects.create_user(f"{role}@agency.example", PASSWORD)
    with scope.account(account):
        Membership.objects.create(account=account, user=user, role=role)
    return user


def is_stricter(page, kind):
    """Does the page refuse more than by role, for reasons of its own (in use, protected)?"""
    method = f"has_{kind}_permission"
    return getattr(type(page), method) is not getattr(RoleRights, method)


def allows(role, needed):
    return needed is not None and RANK[role] >= RANK[needed]


@pytest.mark.parametrize("role", ROLES)
def test_each_page_opens_for_the_roles_it_names(role, ann_account):
    user = user_with(ann_account, role)
    rows = plant(ann_account, user)
    client = client_of(user)
    wrong = []
    for model, page in admin.site._registry.items():
        if not isinstance(page, TenantAdmin):
            continue
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        acts = [("changelist", [], "view"), ("add", [], "add")]
        if model in rows:
            acts += [
                (act, [rows[model].pk], kind) for act, kind in (("change", "view"), ("delete", "delete"))
            ]
        for act, arguments, kind in acts:
            allowed = allows(role, getattr(page, f"{kind}_role"))
            status = client.get(reverse(f"{name}_{act}", args=arguments), follow=True).status_code
            if status != (OK if allowed else FORBIDDEN) and not (allowed and is_stricter(page, kind)):
                wrong.append((name, act, role, status))
    assert wrong == []


def test_a_viewer_changes_nothing(ann_account):
    user = user_with(ann_account, Membership.Role.VIEWER)
    rows = plant(ann_account, user)
    client = client_of(user)
    audience = rows[Audience]
    answer = client.post(reverse("admin:audiences_audience_change", args=[audience.pk]), {"name": "mine"})
    assert answer.status_code == FORBIDDEN
    with scope.account(ann_account):
        assert Audience.objects.get(pk=audience.pk).name == audience.name


def test_a_membership_is_felt_on_the_next_request(client, ann, ann_account):
    client.force_login(ann)
    page = reverse("admin:audiences_audience_add")
    assert client.get(page).status_code == OK
    with scope.account(ann_account):
        Membership.objects.filter(user=ann).update(role=Membership.Role.VIEWER)
    assert client.get(page).status_code == FORBIDDEN
    with scope.account(ann_account):
        Membership.objects.filter(user=ann).update(expires_at=timezone.now() - timedelta(seconds=1))
    assert "There is no client for you yet" in client.get(reverse("admin:index")).content.decode()
    assert client.get(reverse("admin:audiences_audience_changelist")).status_code == FORBIDDEN


def test_rights_follow_the_client_of_the_row(client, ann, ann_account, bob_account):
    """Ann manages her own client and only looks at Bob's: with both in view, each row has its own rights."""
    with scope.account(bob_account):
        Membership.objects.create(account=bob_account, user=ann, role=Membership.Role.VIEWER)
        foreign = Objective.objects.create(account=bob_account, key="news", label="Bob's news")
    with scope.account(ann_account):
        own = Objective.objects.create(account=ann_account, key="news", label="Ann's news")
    client.force_login(ann)
    listed = client.get(reverse("admin:audiences_objective_changelist")).content.decode()
    assert "Bob&#x27;s news" in listed
    assert "Ann&#x27;s news" in listed
    for row, expected in ((own, 302), (foreign, FORBIDDEN)):
        address = reverse("admin:audiences_objective_change", args=[row.pk])
        assert client.get(address).status_code == OK
        assert client.post(address, {"label": "changed", "description": ""}).status_code == expected
    with scope.accounts([ann_account.pk, bob_account.pk]):
        assert {row.label for row in Objective.objects.all()} == {"changed", "Bob's news"}


def test_an_archived_client_is_out_of_everybodys_sight(client, ann, ann_account, agency_admin):
    ann_account.archived_at = timezone.now()
    ann_account.save()
    for user in (ann, agency_admin):
        client.force_login(user)
        assert ann_account.name not in client.get(reverse("admin:index")).content.decode()


def test_users_are_for_agency_administrators(client, ann, ann_account, agency_admin):
    for user, expected in ((ann, FORBIDDEN), (agency_admin, OK)):
        client.force_login(user)
        assert client.get(reverse("admin:accounts_user_changelist")).status_code == expected
        assert client.get(reverse("admin:accounts_account_add")).status_code == expected
