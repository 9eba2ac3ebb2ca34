"""What a call does and answers, through real PostgreSQL."""

from __future__ import annotations

import pytest

from audiences.changes import Reaction, changed
from audiences.ingest import KEEP, ConsentGiven, Contact, Operation, apply
from audiences.models import Audience, Change, Consent, Member, Pending, Profile, Property
from audiences.suppressions import suppress
from syncapp.accounts import scope
from tests.audiences.ingest.calls import NOW, add, at, counts, members_of, remove, run, store, upsert


@pytest.fixture
def audience(in_ann, audience_of) -> Audience:
    Property.objects.bulk_create(
        Property(account=in_ann, key=key, label=key, type=kind)
        for key, kind in {"city": "text", "points": "number", "vip": "boolean", "born_on": "date"}.items()
    )
    Property.objects.create(account=in_ann, key="seen_at", label="seen", type="datetime")
    Property.objects.create(account=in_ann, key="tags", label="tags", type="list")
    return audience_of(in_ann)


def person(external_id: str) -> Profile:
    return Profile.objects.get(external_id=external_id)


def test_new_people_become_members(audience):
    contact = Contact(email=" Jan@Example.NL", properties={"city": "Gent"})
    result = run(audience, add(0, "c-1", contact=contact), add(1, "x@y.nl", "email"))
    assert counts(result) == {"added": 2, "created": 2}
    assert (result.version, result.member_count) == (2, 2)
    assert (person("c-1").email, person("c-1").properties) == ("jan@example.nl", {"city": "Gent"})
    assert sorted(result.profile_ids) == Change.objects.get().profile_ids
    assert audience.last_sync == {
        "at": NOW.isoformat(),
        "kind": "delta",
        "added": 2,
        "removed": 0,
        "failed": 0,
        "source": "test",
    }


def test_the_same_again_changes_nothing_but_the_time(audience):
    contact = Contact(email="jan@example.nl", properties={"city": "Gent", "points": 0, "vip": False})
    run(audience, add(0, "c-1", contact=contact))
    before = Profile.objects.values().get()
    result = run(audience, add(0, "c-1", contact=contact), now=at(1))
    assert counts(result) == {"already_member": 1}
    assert (result.version, result.profile_ids) == (2, ())
    assert Profile.objects.values().get() == before
    assert Member.objects.get().changed_at == at(1)
    assert Change.objects.count() == 1


def test_absent_keeps_and_none_clears(audience):
    run(
        audience,
        add(0, "c-1", contact=Contact(email="a@x.nl", properties={"city": "Gent", "points": 5, "vip": True})),
    )
    result = run(audience, add(0, "c-1", contact=Contact(email=KEEP, properties={"city": None, "points": 0})))
    assert counts(result) == {"already_member": 1, "updated": 1}
    assert person("c-1").properties == {"points": 0, "vip": True}
    assert person("c-1").email == "a@x.nl"
    run(audience, add(0, "c-1", contact=Contact(email=None)))
    assert person("c-1").email is None


def test_values_are_stored_in_one_form(audience):
    given = {"born_on": "20001231", "seen_at": "2026-01-01T01:00:00+01:00", "tags": ["b", "a"], "points": 1.5}
    run(audience, add(0, "c-1", contact=Contact(properties=given)))
    assert person("c-1").properties == {
        "born_on": "2000-12-31",
        "seen_at": "2026-01-01T00:00:00Z",
        "tags": ["b", "a"],
        "points": 1.5,
    }
    changed_order = Contact(properties={"tags": ["a", "b"]})
    assert counts(run(audience, add(0, "c-1", contact=changed_order)))["updated"] == 1


def with_property(key: str, value: object) -> Operation:
    return add(7, "c", contact=Contact(properties={key: value}))


@pytest.mark.parametrize(
    ("operation", "code", "pointer"),
    [
        (add(7, "not-an-address", "email"), "invalid_identifier", ""),
        (add(7, ""), "invalid_identifier", ""),
        (add(7, "x" * 256), "invalid_identifier", ""),
        (add(7, "nul\x00"), "invalid_identifier", ""),
        (add(7, "lone \ud800"), "invalid_identifier", ""),
        (add(7, "-1", "id"), "invalid_identifier", ""),
        (add(7, "9" * 30, "id"), "invalid_identifier", ""),
        (add(7, "4242", "id"), "contact_not_found", ""),
        (add(7, "c", contact=Contact(email="x@y")), "invalid_contact", "/contact/email"),
        (add(7, "c", contact=Contact(external_id="d")), "external_id_mismatch", "/contact/external_id"),
        (add(7, "a@x.nl", "email", Contact(email=None)), "invalid_contact", "/contact/email"),
        (add(7, "a@x.nl", "email", Contact(email="b@x.nl")), "invalid_contact", "/contact/email"),
        (with_property("town", "x"), "unknown_field", "/contact/properties/town"),
        (with_property("city", 5), "invalid_contact", "/contact/properties/city"),
        (with_property("city", "\x00"), "invalid_contact", "/contact/properties/city"),
        (with_property("city", "\ud800"), "invalid_contact", "/contact/properties"),
        (with_property("points", True), "invalid_contact", "/contact/properties/points"),
        (with_property("points", float("nan")), "invalid_contact", "/contact/properties/points"),
        (with_property("vip", 1), "invalid_contact", "/contact/properties/vip"),
        (with_property("born_on", "2026-02-30"), "invalid_contact", "/contact/properties/born_on"),
        (with_property("seen_at", "2026-02-01T10:00"), "invalid_contact", "/contact/properties/seen_at"),
        (with_property("tags", [1]), "invalid_contact", "/contact/properties/tags"),
        (add(7, "c", occurred_at=at(6)), "timestamp_in_future", "/occurred_at"),
        (
            add(7, "c", consents=(ConsentGiven("nothing", "granted", NOW),)),
            "unknown_objective",
            "/consents/0/objective",
        ),
    ],
)
def test_a_bad_item_is_named_and_harms_nobody_else(audience, operation, code, pointer):
    result = run(audience, add(3, "before"), operation, add(9, "after"))
    assert [(item.index, item.code, item.pointer) for item in result.errors] == [(7, code, pointer)]
    assert result.errors[0].detail != ""
    assert members_of(audience) == {"before", "after"}
    assert not Profile.objects.exclude(external_id__in=["before", "after"]).exists()


def test_awkward_external_ids_are_taken_verbatim(audience):
    ids = [" c-1", "C-1", "c-1", "a/b", "tab\there", "line\nbreak", "back\\slash", r"\N", "é", "e\u0301"]
    ids += ["😀", "%s", "'", "x" * 255]
    run(audience, *(add(index, value) for index, value in enumerate(ids)))
    assert set(Profile.objects.values_list("external_id", flat=True)) == set(ids)
    again = run(audience, *(add(index, value) for index, value in enumerate(ids)))
    assert counts(again) == {"already_member": len(ids)}


def test_an_address_of_another_person_is_refused(audience):
    store(audience.account, upsert(0, "a", email="a@x.nl"), upsert(1, "b", email="b@x.nl"))
    result = run(
        audience, add(0, "a", contact=Contact(email="b@x.nl")), add(1, "new", contact=Contact(email="a@x.nl"))
    )
    assert [(item.code, item.pointer, item.holder) for item in result.errors] == [
        ("email_taken", "/contact/email", "b"),
        ("email_taken", "/contact/email", "a"),
    ]
    assert members_of(audience) == set()


def test_an_address_without_external_id_becomes_the_persons(audience):
    run(audience, add(0, "a@x.nl", "email"))
    result = run(audience, add(0, "a", contact=Contact(email="a@x.nl")))
    assert counts(result) == {"already_member": 1, "updated": 1}
    assert Profile.objects.values_list("external_id", "email").get() == ("a", "a@x.nl")


def test_an_address_that_names_two_people_is_ambiguous(audience):
    store(audience.account, upsert(0, "a", email="a@x.nl"), upsert(1, "b", email="b@x.nl"))
    contact = Contact(external_id="b")
    assert [item.code for item in run(audience, add(0, "a@x.nl", "email", contact)).errors] == [
        "ambiguous_identifier"
    ]


def test_items_of_one_call_cannot_give_one_address_to_two_people(audience):
    first, second = Contact(email="x@x.nl"), Contact(email="X@x.nl")
    result = run(audience, add(0, "a", contact=first), add(1, "b", contact=second), add(2, "c"))
    assert [(item.index, item.code) for item in result.errors] == [(1, "email_taken")]
    assert members_of(audience) == {"x@x.nl", "c"}


def test_identifiers_contested_within_one_call_go_to_the_first(audience):
    store(audience.account, upsert(0, "k1"), upsert(1, "k2"))
    ids = [str(person(key).pk) for key in ("k1", "k2")]
    contacts = (Contact(email="x@x.nl"), Contact(external_id="n"))
    for contact, code in zip(contacts, ("email_taken", "external_id_taken"), strict=True):
        result = run(
            audience, *(add(index, value, "id", contact) for index, value in enumerate(ids)), atomic=True
        )
        assert [(item.index, item.code) for item in result.errors] == [(1, code)]
    result = run(
        audience, add(0, "y@x.nl", "email"), add(1, "a"), add(2, "a", contact=Contact(email="y@x.nl"))
    )
    assert counts(result) == {"added": 1, "created": 1, "superseded": 2}
    two = Contact(external_id="b")
    result = run(audience, add(0, "p@x.nl", "email", two), add(1, "q@x.nl", "email", two), add(2, "z"))
    assert [(item.index, item.code) for item in result.errors] == [(1, "external_id_taken")]
    assert counts(result) == {"added": 2, "created": 2, "failed": 1}


def test_one_person_several_times_in_one_call(audience):
    result = run(
        audience,
        add(0, "a", contact=Contact(email="a@x.nl", properties={"city": "Gent", "points": 1})),
        add(1, "a@x.nl", "email", Contact(properties={"points": 2})),
        remove(2, "b"),
        add(3, "a", contact=Contact(properties={"vip": True})),
        verbose=True,
    )
    assert [item.outcome for item in result.items] == ["superseded", "superseded", "not_member", "added"]
    assert {item.code for item in result.warnings} == {"duplicate_in_request"}
    assert person("a").properties == {"city": "Gent", "points": 2, "vip": True}


def test_time_decides_between_items_of_one_call(audience):
    result = run(
        audience,
        add(0, "a", occurred_at=at(-1)),
        remove(1, "a", occurred_at=at(-2)),
        add(2, "b"),
        remove(3, "b"),
        verbose=True,
    )
    assert [item.outcome for item in result.items] == ["added", "superseded", "superseded", "not_member"]
    assert members_of(audience) == {"a"}


def test_by_id(audience):
    store(audience.account, upsert(0, "a"), upsert(1, "b", email="b@x.nl"))
    result = run(
        audience,
        add(0, str(person("a").pk), "id", Contact(external_id="a2", email="a@x.nl")),
        add(1, "b"),
        remove(2, str(person("b").pk), "id"),
        remove(3, "424242", "id"),
        verbose=True,
    )
    assert [item.outcome for item in result.items] == ["added", "superseded", "not_member", "not_member"]
    assert members_of(audience) == {"a@x.nl"}
    assert person("a2").email == "a@x.nl"


def test_rejecting_unknown_people(audience):
    store(audience.account, upsert(0, "a", email="a@x.nl"))
    result = run(
        audience, add(0, "a"), add(1, "nobody"), remove(2, "nobody"), add(3, "nobody"), unknown="reject"
    )
    assert counts(result) == {"added": 1, "failed": 2, "not_member": 1}
    assert [(item.index, item.code) for item in result.errors] == [
        (1, "contact_not_found"),
        (3, "contact_not_found"),
    ]
    alone = run(audience, add(0, "no@body.nl", "email"), remove(1, "nobody"), unknown="reject")
    assert counts(alone) == {"failed": 1, "not_member": 1}
    assert not Pending.objects.exists()


def test_stale_operations_change_neither_membership_nor_data(audience):
    run(audience, add(0, "a", contact=Contact(properties={"city": "new"}), occurred_at=at(-1)))
    stale = Operation(0, "add", "external_id", "a", Contact(properties={"city": "old"}), occurred_at=at(-5))
    result = run(audience, stale, remove(1, "b"))
    assert counts(result) == {"stale": 1, "not_member": 1}
    assert [(item.index, item.code) for item in result.warnings] == [(0, "stale")]
    assert person("a").properties == {"city": "new"}
    run(audience, remove(0, "a", occurred_at=at(0)))
    assert counts(run(audience, add(0, "a", occurred_at=at(-1)))) == {"stale": 1}
    assert members_of(audience) == set()


def test_held_people_come_in_when_they_appear(audience, audience_of):
    other = audience_of(audience.account, "Other")
    assert counts(run(audience, add(0, "c-1"), add(1, "e@x.nl", "email"), unknown="hold")) == {"held": 2}
    assert counts(run(audience, add(0, "c-1"), unknown="hold")) == {"held": 1}
    run(other, add(0, "c-1"), unknown="hold")
    assert audience.held_count == 2
    result = store(audience.account, upsert(0, "c-1", email="e@x.nl"), now=at(1))
    assert counts(result) == {"created": 1}
    for each in (audience, other):
        each.refresh_from_db()
        assert (each.member_count, each.held_count) == (1, 0)
    assert Member.objects.filter(changed_at=NOW, added_at=at(1)).count() == 2
    assert not Pending.objects.exists()


def test_held_people_can_be_taken_back(audience):
    run(audience, add(0, "c-1"), add(1, "c-2"), unknown="hold")
    result = run(audience, remove(0, "c-1"), remove(1, "c-3"), unknown="hold", now=at(1))
    assert counts(result) == {"removed": 1, "not_member": 1}
    assert audience.held_count == 1
    assert counts(run(audience, remove(0, "c-2"), unknown="reject", now=at(2))) == {"removed": 1}
    assert counts(run(audience, add(0, "c-1", occurred_at=NOW), unknown="hold", now=at(3))) == {"stale": 1}
    store(audience.account, upsert(0, "c-1"), upsert(1, "c-3"), now=at(3))
    assert members_of(audience) == set()


def test_what_waited_too_long_is_dropped(audience):
    run(audience, add(0, "c-1"), unknown="hold")
    store(audience.account, upsert(0, "c-1"), now=at(31 * 24 * 60))
    audience.refresh_from_db()
    assert (audience.member_count, audience.held_count) == (0, 0)


def test_a_removal_of_somebody_unknown_makes_an_older_addition_stale(audience):
    run(audience, remove(0, "c-1", occurred_at=at(-1)))
    contact = Contact(email="a@x.nl")
    assert counts(run(audience, add(0, "c-1", contact=contact, occurred_at=at(-2)))) == {"stale": 1}
    assert not Profile.objects.exists()
    assert counts(run(audience, add(0, "c-1", contact=contact))) == {"added": 1, "created": 1}


def test_atomic_is_all_or_nothing(audience):
    result = run(audience, add(0, "a"), add(1, "bad", "email"), remove(2, "a"), atomic=True, verbose=True)
    assert counts(result) == {"failed": 1, "not_applied": 2}
    assert not result.applied
    assert [item.outcome for item in result.items] == ["not_applied", "failed", "not_applied"]
    assert (Profile.objects.count(), Member.objects.count(), Change.objects.count(), audience.version) == (
        0,
        0,
        0,
        1,
    )
    assert run(audience, add(0, "a"), atomic=True).applied


def test_validate_only_answers_and_changes_nothing(audience):
    told = []
    reaction = Reaction(told.append)
    changed.append(reaction)
    try:
        before = Audience.objects.values().get(pk=audience.pk)
        result = run(audience, add(0, "a"), add(1, "bad", "email"), validate_only=True)
    finally:
        changed.remove(reaction)
    assert counts(result) == {"added": 1, "created": 1, "failed": 1}
    assert (result.applied, result.profile_ids, told) == (False, (), [])
    assert Audience.objects.values().get(pk=audience.pk) == before
    assert not Profile.objects.exists()
    assert not Change.objects.exists()


def test_whoever_reacts_is_told_once_per_call_and_only_of_changes(audience):
    told = []
    reaction = Reaction(told.append)
    changed.append(reaction)
    try:
        run(audience, add(0, "a"), add(1, "b"))
        run(audience, add(0, "a"), add(1, "b"))
    finally:
        changed.remove(reaction)
    assert told == [audience.account_id]


def test_upserts_count_created_updated_unchanged(audience):
    store(audience.account, upsert(0, "a", email="a@x.nl"), upsert(1, "b", properties={"city": "Gent"}))
    result = store(
        audience.account,
        upsert(0, "a", email="A@x.nl"),
        upsert(1, "b", properties={"city": "Brugge"}),
        upsert(2, "c"),
        upsert(3, "c"),
        upsert(4, "d", email="bad"),
    )
    assert counts(result) == {"created": 1, "updated": 1, "unchanged": 1, "superseded": 1, "failed": 1}
    assert len(result.profile_ids) == 2


def test_membership_and_consents_do_not_touch_each_other(audience, objective_of):
    objective_of(audience.account)
    given = (ConsentGiven("newsletter", "granted", at(-5), "double_opt_in", {"ip": "192.0.2.1"}),)
    run(audience, add(0, "a", consents=given))
    run(audience, remove(0, "a"))
    assert person("a").consents == {"newsletter": {"state": "granted", "at": "2026-06-01T11:55:00.000000Z"}}
    members = Member.objects.values().get()
    denied = (ConsentGiven("newsletter", "denied", at(-5)), ConsentGiven("newsletter", "granted", at(-9)))
    store(audience.account, upsert(0, "a", consents=denied))
    assert person("a").consents["newsletter"]["state"] == "denied"
    assert Member.objects.values().get() == members
    assert Consent.objects.count() == 3
    store(audience.account, upsert(0, "a", consents=denied))
    assert Consent.objects.count() == 3


def test_consents_of_people_who_are_not_stored_fail_the_item(audience, objective_of):
    objective_of(audience.account)
    given = (ConsentGiven("newsletter", "granted", NOW),)
    for unknown in ("hold", "reject", "create"):
        result = run(audience, remove(0, "a", consents=given), unknown=unknown)
        assert [item.code for item in result.errors] == ["contact_not_found"]
    held = run(audience, add(0, "a", consents=given), unknown="hold")
    assert [item.code for item in held.errors] == ["contact_not_found"]


def test_an_erased_address_does_not_come_back(audience):
    suppress(audience.account, "gone@x.nl", "erasure", "test")
    result = run(
        audience, add(0, "gone@x.nl", "email"), add(1, "a", contact=Contact(email="GONE@x.nl")), add(2, "b")
    )
    assert [(item.index, item.code) for item in result.errors] == [(0, "erased"), (1, "erased")]
    assert members_of(audience) == {"b"}
    assert counts(run(audience, remove(0, "gone@x.nl", "email"))) == {"not_member": 1}


def test_two_accounts_never_touch(audience, bob_account, audience_of):
    theirs = audience_of(bob_account)
    with scope.account(bob_account):
        run(theirs, add(0, "a", contact=Contact(email="a@x.nl")), remove(1, "later"), unknown="create")
        theirs_id = Profile.objects.get().pk
    ours = run(audience, add(0, "a", contact=Contact(email="a@x.nl")), add(1, str(theirs_id), "id"))
    assert counts(ours) == {"added": 1, "created": 1, "failed": 1}
    assert Profile.objects.get().pk != theirs_id
    with scope.account(bob_account):
        assert Profile.objects.get().pk == theirs_id
        assert Member.objects.filter(audience=theirs).count() == 1


def test_an_audience_of_another_account_is_refused(audience, bob_account):
    with pytest.raises(ValueError, match="another account"):
        apply(account=bob_account, audience=audience, operations=[add(0, "a")], unknown="create", source="x")


def test_an_empty_call_answers(audience):
    assert counts(run(audience)) == {}


def test_indexes_come_back_as_they_were_given(audience):
    result = run(audience, add(50, "a"), add(3, "", "email"), add(70, "c"), verbose=True)
    assert [item.index for item in result.items] == [50, 3, 70]


def test_an_audience_call_does_not_upsert(audience):
    with pytest.raises(ValueError, match="adds and removes"):
        apply(
            account=audience.account,
            audience=audience,
            operations=[upsert(0, "a")],
            unknown="create",
            source="x",
        )
