"""Marking a property as naming people, and finding people by what names them."""

from __future__ import annotations

import pytest
from django.urls import reverse

from audiences.ingest import Contact, Operation, apply
from audiences.models import Identifier, Profile, Property
from syncapp.accounts import scope

OK, FOUND = 200, 302


@pytest.fixture
def at_anns(client, ann):
    client.force_login(ann)
    return client


def make_people(account, *values, **fields):
    """A property and one person per value, with external ids p0, p1 …"""
    with scope.account(account):
        made = Property.objects.create(account=account, key="customer", label="Customer number", **fields)
        people = [
            Operation(n, "upsert", "external_id", f"p{n}", Contact(properties={"customer": value}))
            for n, value in enumerate(values)
        ]
        apply(account=account, audience=None, operations=people, unknown="create", source="test")
    return made


def mark(client, row, identifier=True):
    data = {"label": row.label, "personal": "on", **({"identifier": "on"} if identifier else {})}
    return client.post(reverse("admin:audiences_property_change", args=[row.pk]), data)


def values(account):
    with scope.account(account):
        return sorted(Identifier.objects.values_list("value", flat=True))


def test_marking_fills_in_and_unmarking_forgets(at_anns, ann_account, bob_account):
    row = make_people(ann_account, "K 1", "K 2", "")
    make_people(bob_account, "K 1")
    assert mark(at_anns, row).status_code == FOUND
    assert (values(ann_account), values(bob_account)) == (["K 1", "K 2"], [])
    assert mark(at_anns, row, identifier=False).status_code == FOUND
    assert values(ann_account) == []


def test_shared_values_are_counted_and_refused(at_anns, ann_account):
    row = make_people(ann_account, "K 1", "K 1", "K 2", "K 2", "K 3")
    answer = mark(at_anns, row)
    assert answer.status_code == OK
    assert "It cannot name people: 2 values belong to more than one person." in answer.content.decode()
    with scope.account(ann_account):
        row.refresh_from_db()
    assert (row.identifier, values(ann_account)) == (False, [])


def test_only_texts_and_numbers_can_name_people(at_anns, ann_account):
    row = make_people(ann_account, type="boolean")
    answer = mark(at_anns, row)
    assert "Only a text or a number can name a person." in answer.content.decode()
    data = {"key": "born_on", "label": "Born on", "type": "date", "identifier": "on", "personal": "on"}
    assert at_anns.post(reverse("admin:audiences_property_add"), data).status_code == OK
    assert (
        at_anns.post(reverse("admin:audiences_property_add"), {**data, "type": "text"}).status_code == FOUND
    )


def test_people_are_found_by_what_names_them(at_anns, ann_account, bob_account):
    make_people(ann_account, "K-100", "K-200", identifier=True)
    make_people(bob_account, "K-100", identifier=True)
    for term, found in {"K-100": {"p0"}, "K-": {"p0", "p1"}, "k-100": set(), "p1": {"p1"}}.items():
        page = at_anns.get(reverse("admin:audiences_profile_changelist"), {"q": term})
        assert {person.external_id for person in page.context["cl"].result_list} == found
        assert {person.account_id for person in page.context["cl"].result_list} <= {ann_account.pk}


def test_the_page_of_a_person_shows_what_names_them(at_anns, ann_account):
    make_people(ann_account, "K-100", identifier=True)
    with scope.account(ann_account):
        person = Profile.objects.get()
    page = at_anns.get(reverse("admin:audiences_profile_change", args=[person.pk])).content.decode()
    assert "<dt>Customer number</dt><dd>K-100</dd>" in page
