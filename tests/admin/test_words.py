"""What pages say: titles, errors, and consent on the dashboard."""

from __future__ import annotations

import pytest
from django.template.loader import render_to_string
from django.urls import reverse

from audiences.admin import consent_panel
from audiences.models import Profile
from syncapp.accounts import scope


@pytest.fixture
def at_anns(client, ann, ann_account):
    client.force_login(ann)
    return client


@pytest.mark.parametrize(
    ("page", "title"),
    [
        ("audiences_audience_changelist", "Audiences | Syncapp"),
        ("connectors_connection_changelist", "Connections | Syncapp"),
        ("audiences_audience_add", "Add audience | Syncapp"),
    ],
)
def test_tabs_name_the_thing(at_anns, page, title):
    assert f"<title> {title}</title>" in at_anns.get(reverse(f"admin:{page}")).content.decode()


def test_an_unknown_page_says_what_to_do(at_anns):
    answer = at_anns.get("/nothing-here/")
    assert answer.status_code == 404
    assert "ask an administrator" in answer.content.decode()


def test_the_page_of_an_error_on_our_side_needs_no_database():
    assert "Try again in a minute" in render_to_string("500.html")


def agree(account, *states):
    with scope.account(account):
        for number, state in enumerate(states):
            consents = {} if state is None else {"news": {"state": state, "at": "2026-01-01T00:00:00Z"}}
            Profile.objects.create(
                account=account, email=f"p{number}@{account.slug}.example", consents=consents
            )


def test_a_small_client_is_not_drowned_by_a_large_one(ann_account, bob_account, objective_of, monkeypatch):
    """Over several clients each has a line of its own, of as many people."""
    monkeypatch.setattr(consent_panel, "NEWEST_OF_EACH", 4)
    agree(ann_account, *["denied"] * 6, *["granted"] * 3, None)
    agree(bob_account, "granted", "denied")
    with scope.accounts([ann_account.pk, bob_account.pk]):
        found = {one.label: one for one in consent_panel.of_clients([ann_account, bob_account])}
    anns, bobs = found[ann_account.name], found[bob_account.name]
    assert (anns.people, anns.granted, anns.denied, anns.unknown) == (4, 75, 0, 25)
    assert (bobs.people, bobs.granted, bobs.denied, bobs.unknown) == (2, 50, 50, 0)


def test_one_client_has_a_line_per_objective(ann_account, objective_of):
    objective_of(ann_account, "news")
    agree(ann_account, "granted", "granted", "denied", None)
    with scope.account(ann_account):
        (line,) = consent_panel.of_client(ann_account)
    assert (line.people, line.granted, line.denied, line.unknown) == (4, 50, 25, 25)


def test_a_taken_name_is_said_without_technical_words(at_anns, ann_account, objective_of):
    objective_of(ann_account, "news")
    page = at_anns.post(
        reverse("admin:audiences_objective_add"), {"key": "news", "label": "Again", "description": ""}
    ).content.decode()
    assert "Another objective of this client has this key. Choose another." in page


def test_an_empty_field_is_named(at_anns):
    page = at_anns.post(reverse("admin:audiences_audience_add"), {"name": ""}).content.decode()
    assert "Fill in: Name." in page


def test_the_palette_says_that_nothing_was_found(at_anns):
    page = at_anns.get(reverse("admin:search"), {"s": "<b>zzz", "extended": "1"}).content.decode()
    assert "Nothing found for “&lt;b&gt;zzz”" in page
