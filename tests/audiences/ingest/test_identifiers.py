"""Values that name one person: nobody gets another's, and they follow what is stored of people."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from audiences.ingest import Contact, load
from audiences.ingest.marking import CannotName, check, follow_mark
from audiences.models import Audience, Identifier, Profile, Property
from syncapp.accounts import scope
from tests.audiences.ingest.calls import NOW, add, at, counts, members_of, remove, run, store, upsert


def identifying(account, key="customer", kind="text") -> Property:
    return Property.objects.create(
        account=account, key=key, label=key.capitalize(), type=kind, identifier=True
    )


@pytest.fixture
def audience(in_ann, audience_of) -> Audience:
    identifying(in_ann)
    identifying(in_ann, "card", "number")
    Property.objects.create(account=in_ann, key="city", label="City")
    return audience_of(in_ann)


def holding(**properties: object) -> Contact:
    return Contact(properties=properties)


def stored() -> set[tuple[str, str, str]]:
    """(property key, value, the person's external id)"""
    return set(Identifier.objects.values_list("property__key", "value", "profile__external_id"))


def failures(result) -> list[tuple[int, str, str, str | None]]:
    return [(item.index, item.code, item.pointer, item.holder) for item in result.errors]


def test_values_follow_the_properties(audience):
    run(
        audience,
        add(0, "a", contact=holding(customer="K 1", card=7)),
        add(1, "b", contact=holding(city="Gent")),
    )
    assert stored() == {("customer", "K 1", "a"), ("card", "7", "a")}
    run(audience, add(0, "a", contact=holding(customer="K 2")), add(1, "b", contact=holding(card=1.5)))
    assert stored() == {("customer", "K 2", "a"), ("card", "7", "a"), ("card", "1.5", "b")}
    run(audience, add(0, "a", contact=holding(customer=None)), add(1, "b", contact=holding(city="Lier")))
    assert stored() == {("card", "7", "a"), ("card", "1.5", "b")}
    assert counts(run(audience, add(0, "b", contact=holding(customer="K 1")))) == {
        "already_member": 1,
        "updated": 1,
    }
    store(audience.account, upsert(0, "c", properties={"customer": "K 2", "card": 0}))
    assert {("customer", "K 1", "b"), ("customer", "K 2", "c"), ("card", "0", "c")} < stored()
    Profile.objects.get(external_id="c").delete()
    assert {holder for _, _, holder in stored()} == {"a", "b"}


def test_the_same_again_writes_nothing(audience):
    operation = add(0, "a", contact=holding(customer="K 1", card=7))
    run(audience, operation)
    before = list(Identifier.objects.order_by("pk").values())
    assert counts(run(audience, operation)) == {"already_member": 1}
    run(audience, add(0, "a", contact=holding(customer="K 1", city="Gent")))
    assert list(Identifier.objects.order_by("pk").values()) == before


def test_numbers_that_are_equal_are_one_value_and_an_empty_text_names_nobody(audience):
    run(audience, add(0, "a", contact=holding(card=1.0, customer="")))
    assert stored() == {("card", "1", "a")}
    result = run(audience, add(0, "b", contact=holding(card=1)), add(1, "c", contact=holding(customer="")))
    assert failures(result) == [(0, "identifier_taken", "/contact/properties/card", "a")]
    assert Profile.objects.get(external_id="c").properties == {"customer": ""}


def test_another_persons_value_fails_the_item_and_nothing_of_it_is_written(audience):
    run(audience, add(0, "a", contact=holding(customer="K 1")), add(1, "b", contact=holding(city="Gent")))
    result = run(
        audience,
        add(3, "new", contact=holding(customer="K 1")),
        add(4, "b", contact=holding(customer="K 1", city="Lier")),
        add(5, "c", contact=holding(customer="k 1")),
        remove(6, "a"),
    )
    assert failures(result) == [
        (3, "identifier_taken", "/contact/properties/customer", "a"),
        (4, "identifier_taken", "/contact/properties/customer", "a"),
    ]
    assert all(item.detail for item in result.errors)
    assert members_of(audience) == {"b", "c"}
    assert Profile.objects.get(external_id="b").properties == {"city": "Gent"}
    assert not Profile.objects.filter(external_id="new").exists()
    assert stored() == {("customer", "K 1", "a"), ("customer", "k 1", "c")}


def test_the_address_alone_can_hold_a_value(audience):
    run(audience, add(0, "a@x.nl", "email", holding(customer="K 1")))
    result = run(audience, add(0, "b@x.nl", "email", holding(customer="K 1")))
    assert failures(result) == [(0, "identifier_taken", "/contact/properties/customer", None)]


@pytest.mark.parametrize("unknown", ["create", "reject"])
def test_of_two_items_that_claim_one_value_the_later_in_time_fails(audience, unknown):
    if unknown == "reject":
        store(audience.account, upsert(0, "a"), upsert(1, "b"), upsert(2, "c"))
    result = run(
        audience,
        add(0, "a", contact=holding(customer="K 1"), occurred_at=at(-1)),
        add(1, "b", contact=holding(customer="K 1"), occurred_at=at(-2)),
        add(2, "c", contact=holding(customer="K 2")),
        unknown=unknown,
    )
    assert failures(result) == [(0, "identifier_taken", "/contact/properties/customer", None)]
    assert members_of(audience) == {"b", "c"}
    assert stored() == {("customer", "K 1", "b"), ("customer", "K 2", "c")}


def test_an_item_that_fails_claims_nothing(audience):
    run(audience, add(0, "a", contact=holding(customer="K 1")))
    result = run(
        audience,
        add(0, "b", contact=holding(customer="K 1", card=1)),  # another person's
        add(1, "c", contact=holding(card=1)),
        add(2, "d", contact=holding(card=1, customer="K 4")),  # after c
        add(3, "e", contact=holding(customer="K 4")),
    )
    assert [item.index for item in result.errors] == [0, 2]
    assert stored() == {("customer", "K 1", "a"), ("card", "1", "c"), ("customer", "K 4", "e")}


def test_several_items_about_one_person(audience):
    run(audience, add(0, "z", contact=holding(customer="K 9")))
    result = run(
        audience,
        add(0, "a", contact=holding(customer="K 1")),
        add(1, "a", contact=holding(customer="K 1", city="Gent")),
        add(2, "b", contact=holding(customer="K 9")),
        add(3, "b", contact=holding(city="Lier")),
    )
    assert failures(result) == [(2, "identifier_taken", "/contact/properties/customer", "z")]
    assert counts(result) == {"added": 2, "created": 2, "superseded": 1, "failed": 1}
    assert Profile.objects.get(external_id="b").properties == {"city": "Lier"}
    assert stored() == {("customer", "K 9", "z"), ("customer", "K 1", "a")}


def test_stale_and_waiting_items_claim_nothing(audience):
    run(audience, add(0, "a", contact=holding(customer="K 1")), add(1, "b"))
    result = run(audience, add(0, "b", contact=holding(customer="K 1"), occurred_at=at(-5)))
    assert counts(result) == {"stale": 1}
    result = run(audience, add(0, "nobody", contact=holding(customer="K 1")), unknown="hold")
    assert counts(result) == {"held": 1}


@pytest.mark.parametrize("value", ["x" * 256, "é" * 256])
def test_a_value_is_at_most_255_characters(audience, value):
    result = run(
        audience, add(0, "a", contact=holding(customer=value)), add(1, "b", contact=holding(card=1e300))
    )
    assert failures(result) == [
        (0, "invalid_contact", "/contact/properties/customer", None),
        (1, "invalid_contact", "/contact/properties/card", None),
    ]
    assert counts(run(audience, add(0, "a", contact=holding(customer=value[:255])))) == {
        "added": 1,
        "created": 1,
    }


@pytest.mark.parametrize("mode", ["atomic", "validate_only"])
def test_nothing_is_kept_of_a_call_without_effect(audience, mode):
    operations = [add(0, "a", contact=holding(customer="K 1")), add(1, "b", contact=holding(customer="K 1"))]
    result = run(audience, *operations, **{mode: True})
    assert not result.applied
    assert failures(result) == [(1, "identifier_taken", "/contact/properties/customer", None)]
    assert stored() == set()
    assert members_of(audience) == set()


def test_a_load_is_held_to_it_too(audience):
    contacts = [Contact(external_id=f"p{n}", properties={"customer": f"K {n % 40}"}) for n in range(50)]
    loaded = load(
        account=audience.account, audience=audience, contacts=contacts, source="test", chunk=15, now=NOW
    )
    assert (loaded.counts["added"], loaded.counts["failed"]) == (40, 10)
    assert {item.code for item in loaded.errors} == {"identifier_taken"}
    assert len(stored()) == 40


def test_accounts_never_collide(audience, bob_account, audience_of):
    run(audience, add(0, "a", contact=holding(customer="K 1")))
    other = audience_of(bob_account)
    with scope.account(bob_account):
        identifying(bob_account)
        run(other, add(0, "b", contact=holding(customer="K 1")))
        assert stored() == {("customer", "K 1", "b")}
        run(other, add(0, "b", contact=holding(customer=None)))
    assert stored() == {("customer", "K 1", "a")}


def test_an_account_without_identifying_properties_pays_no_statement(in_ann, audience_of):
    Property.objects.create(account=in_ann, key="city", label="City")
    with CaptureQueriesContext(
        connection,
    ) as queries:
        run(audience_of(in_ann), add(0, "a", contact=holding(city="Gent")))
    assert not [query for query in queries if "audiences_identifier" in query["sql"]]


def test_marking_fills_in_what_is_stored_and_unmarking_forgets_it(in_ann, bob_account):
    marked = Property.objects.create(account=in_ann, key="customer", label="Customer")
    Property.objects.create(account=in_ann, key="city", label="City")
    said = [{"customer": "K 1"}, {"customer": "K 2"}, {"city": "K 3"}, {"customer": ""}, {"customer": ""}]
    store(in_ann, *(upsert(n, f"p{n}", properties=properties) for n, properties in enumerate(said)))
    with scope.account(bob_account):
        Property.objects.create(account=bob_account, key="customer", label="Customer")
        store(bob_account, upsert(0, "bobs", properties={"customer": "K 1"}))
    check(in_ann.pk, "customer")
    for identifier in (True, True, False):
        marked.identifier = identifier
        marked.save()
        follow_mark(marked)
        assert stored() == ({("customer", "K 1", "p0"), ("customer", "K 2", "p1")} if identifier else set())
    assert counts(store(in_ann, upsert(0, "p1", properties={"customer": "K 1"}))) == {"updated": 1}


def test_what_stands_in_the_way_of_marking_is_counted(in_ann):
    Property.objects.create(account=in_ann, key="customer", label="Customer")
    store(in_ann, upsert(0, "p", properties={"customer": "x" * 256}))
    with pytest.raises(CannotName, match=r"^1 person has a value of more than 255 characters\.$"):
        check(in_ann.pk, "customer")
    store(in_ann, *(upsert(n, f"p{n}", properties={"customer": f"K {n % 1100}"}) for n in range(1102)))
    with pytest.raises(CannotName, match=r"^2 values belong to more than one person\.$"):
        check(in_ann.pk, "customer")
    store(in_ann, *(upsert(n, f"q{n}", properties={"customer": f"K {n}"}) for n in range(1100)))
    with pytest.raises(CannotName, match=r"^More than 1,000 values belong to more than one person\.$"):
        check(in_ann.pk, "customer")
