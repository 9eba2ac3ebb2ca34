"""Choosing the client, and what a new row gets from it."""

from __future__ import annotations

import pytest
from django.urls import reverse

from audiences.models import Objective
from syncapp.accounts import scope
from syncapp.accounts.models import Membership

FOUND, OK, NOT_FOUND, NOT_ALLOWED = 302, 200, 404, 405


@pytest.fixture
def with_both(client, ann, ann_account, bob_account):
    """Ann looks after both clients."""
    with scope.account(bob_account):
        Membership.objects.create(account=bob_account, user=ann, role=Membership.Role.EDITOR)
    client.force_login(ann)
    return client


def switch(client, slug, next_page="/admin/"):
    return client.post(reverse("switch_client", args=[slug]), {"next": next_page})


def test_the_selected_client_is_all_one_sees(with_both, objective_of, ann_account, bob_account):
    objective_of(ann_account, "hers")
    objective_of(bob_account, "his")
    page = reverse("admin:audiences_objective_changelist")
    assert all(word in with_both.get(page).content.decode() for word in ("Hers", "His", "Client"))
    assert switch(with_both, "bob", page).url == page
    shown = with_both.get(page).content.decode()
    assert "His" in shown
    assert "Hers" not in shown
    switch(with_both, "all")
    assert "Hers" in with_both.get(page).content.decode()


def test_with_all_clients_in_view_a_new_row_asks_for_its_client(with_both, ann_account, bob_account):
    page = reverse("admin:audiences_objective_add")
    asked = with_both.get(page).content.decode()
    assert "for which client?" in asked
    assert 'name="key"' not in asked
    assert with_both.post(page, {"key": "news", "label": "News"}).status_code == OK
    assert switch(with_both, "bob", page).url == page
    with_both.post(page, {"key": "news", "label": "News", "description": ""})
    with scope.accounts([ann_account.pk, bob_account.pk]):
        assert [row.account_id for row in Objective.objects.all()] == [bob_account.pk]


def test_a_posted_account_is_ignored(with_both, ann_account, bob_account, objective_of):
    switch(with_both, "ann")
    data = {
        "key": "news",
        "label": "News",
        "description": "",
        "account": bob_account.pk,
        "account_id": bob_account.pk,
    }
    with_both.post(reverse("admin:audiences_objective_add"), data)
    row = objective_of(ann_account, "other")
    with_both.post(reverse("admin:audiences_objective_change", args=[row.pk]), data)
    with scope.accounts([ann_account.pk, bob_account.pk]):
        assert {found.account_id for found in Objective.objects.all()} == {ann_account.pk}


def test_a_name_is_taken_in_ones_own_client_only(with_both, objective_of, ann_account, bob_account):
    """Said in words, and no way to learn what another client has."""
    objective_of(bob_account, "theirs")
    objective_of(ann_account, "ours")
    switch(with_both, "ann")
    page = reverse("admin:audiences_objective_add")
    taken = with_both.post(page, {"key": "ours", "label": "x", "description": ""})
    assert taken.status_code == OK
    assert "of this client has this" in taken.content.decode()
    assert with_both.post(page, {"key": "theirs", "label": "x", "description": ""}).status_code == FOUND


def test_from_the_page_of_a_row_one_lands_on_the_list(with_both, objective_of, ann_account):
    row = objective_of(ann_account)
    page = reverse("admin:audiences_objective_change", args=[row.pk])
    assert switch(with_both, "bob", page).url == reverse("admin:audiences_objective_changelist")


@pytest.mark.parametrize(
    "target", ["https://evil.example/", "//evil.example/", "javascript:alert(1)", "\\\\evil", ""]
)
def test_no_switch_leads_out_of_the_site(with_both, target):
    assert switch(with_both, "ann", target).url == reverse("admin:index")


def test_a_switch_is_a_post_and_knows_ones_own_clients_only(with_both, agency_admin):
    assert with_both.get(reverse("switch_client", args=["ann"])).status_code == NOT_ALLOWED
    assert switch(with_both, "nobody").status_code == NOT_FOUND


def test_a_list_takes_few_queries_however_many_rows(
    with_both, profile_of, ann_account, django_assert_max_num_queries
):
    switch(with_both, "ann")
    for number in range(20):
        profile_of(ann_account, f"person{number}@example.com")
    with django_assert_max_num_queries(12):
        with_both.get(reverse("admin:audiences_profile_changelist"))
