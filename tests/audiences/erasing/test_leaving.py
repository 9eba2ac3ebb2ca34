"""Forgetting a person here: at once nobody sees them, and the erased never come back."""

from __future__ import annotations

import hashlib
from datetime import timedelta

import pytest
from django.utils import timezone

from audiences import erasing
from audiences.ingest import ConsentGiven, Contact, Operation, apply
from audiences.models import (
    Audience,
    Change,
    Consent,
    Erasure,
    Event,
    Identifier,
    Member,
    Pending,
    Profile,
    Property,
    Suppression,
)


@pytest.fixture
def jan(in_ann, objective_of, audience_of):
    """A member with everything there can be of a person."""
    objective_of(in_ann)
    Property.objects.create(account=in_ann, key="number", label="Number", identifier=True)
    audience = audience_of(in_ann, "VIP", external_id="vip")
    said = Contact("jan@example.nl", properties={"number": "7"})
    given = (ConsentGiven("newsletter", "granted", timezone.now() - timedelta(days=1)),)
    add(in_ann, "c-1", said, given, audience=audience)
    jan = Profile.objects.get(external_id="c-1")
    Event.objects.create(
        account=in_ann,
        profile=jan,
        stream="activate",
        type="visit",
        occurred_at=timezone.now(),
        dedupe_key="1",
    )
    return jan


def add(account, external_id, contact=None, consents=(), *, audience=None, unknown="create"):
    op = "upsert" if audience is None else "add"
    operation = Operation(0, op, "external_id", external_id, contact, tuple(consents))
    return apply(account=account, audience=audience, operations=[operation], unknown=unknown, source="test")


def codes(result):
    return [error.code for error in result.errors]


def erase(jan):
    return erasing.leave(account_id=jan.account_id, profile_id=jan.pk, source="test", erases=True)


def test_whoever_left_is_nobody(jan, in_ann):
    Change.objects.all().delete()
    names = erasing.leave(account_id=in_ann.pk, profile_id=jan.pk, source="test", erases=False)
    assert (names.external_id, names.email) == ("c-1", "jan@example.nl")
    jan.refresh_from_db()
    assert (jan.external_id, jan.email, jan.properties, jan.consents, jan.source) == (None, None, {}, {}, "")
    assert jan.forgotten_at is not None
    for model in (Member, Consent, Identifier, Event):
        assert not model.objects.exists(), model
    audience = Audience.objects.get()
    assert (audience.member_count, audience.version) == (0, 3)
    assert [change.profile_ids for change in Change.objects.all()] == [[jan.pk]]


def test_whoever_was_deleted_may_come_back_as_somebody_new(jan, in_ann):
    erasing.leave(account_id=in_ann.pk, profile_id=jan.pk, source="test", erases=False)
    assert not Erasure.objects.exists()
    assert not Suppression.objects.exists()
    assert add(in_ann, "c-1", Contact("jan@example.nl")).counts["created"] == 1
    assert Profile.objects.get(external_id="c-1").pk != jan.pk


def test_nobody_is_left_twice(jan):
    assert erase(jan) is not None
    assert erase(jan) is None


@pytest.mark.parametrize("unknown", ["create", "reject", "hold"])
@pytest.mark.parametrize("how", ["external_id", "email", "both", "address of another"])
def test_an_erased_person_never_comes_back(jan, in_ann, unknown, how):
    erase(jan)
    audience = Audience.objects.get()
    operation = {
        "external_id": Operation(0, "add", "external_id", "c-1"),
        "email": Operation(0, "add", "email", "Jan@Example.nl"),
        "both": Operation(0, "add", "external_id", "c-1", Contact("new@example.nl")),
        "address of another": Operation(0, "add", "external_id", "c-2", Contact("jan@example.nl")),
    }[how]
    result = apply(
        account=in_ann,
        audience=audience,
        operations=[operation],
        unknown=unknown,
        source="test",
        verbose=True,
    )
    assert codes(result) == ["erased"]
    assert not result.errors[0].retryable
    assert not Profile.objects.filter(forgotten_at=None).exists()
    assert not Pending.objects.exists()


def test_a_known_person_does_not_get_an_erased_persons_names(jan, in_ann):
    erase(jan)
    assert add(in_ann, "c-2", Contact("piet@example.nl")).counts["created"] == 1
    assert codes(add(in_ann, "c-2", Contact("jan@example.nl"))) == ["erased"]
    assert add(in_ann, "c-2").counts["unchanged"] == 1
    Profile.objects.create(account=in_ann, email="anna@example.nl")
    taken = Operation(0, "upsert", "email", "anna@example.nl", Contact(external_id="c-1"))
    assert codes(
        apply(account=in_ann, audience=None, operations=[taken], unknown="reject", source="test")
    ) == ["erased"]
    assert Profile.objects.get(external_id="c-2").email == "piet@example.nl"


def test_nobody_reaches_the_empty_row_by_our_id(jan, in_ann):
    erase(jan)
    audience = Audience.objects.get()
    operation = Operation(0, "add", "id", str(jan.pk), Contact("eve@example.nl"))
    result = apply(account=in_ann, audience=audience, operations=[operation], unknown="create", source="test")
    assert codes(result) == ["contact_not_found"]


def test_removing_an_erased_person_is_no_failure(jan, in_ann):
    erase(jan)
    operation = Operation(0, "remove", "external_id", "c-1")
    audience = Audience.objects.get()
    result = apply(account=in_ann, audience=audience, operations=[operation], unknown="hold", source="test")
    assert result.counts["not_member"] == 1


def test_an_erasure_leaves_hashes_only(jan):
    erase(jan)
    assert {row.kind for row in Erasure.objects.all()} == {"external_id", "email", "email_sha256"}
    assert [row.reason for row in Suppression.objects.all()] == ["erasure"]
    stored = b"".join(bytes(row.value_hmac) for row in Erasure.objects.all())
    assert hashlib.sha256(b"jan@example.nl").digest() not in stored


def test_held_operations_go_too(jan, in_ann, audience_of):
    """Held under the address, in another audience, before the person was known by it."""
    other = audience_of(in_ann, "Other", external_id="other")
    Pending.objects.create(
        account=in_ann,
        audience=other,
        kind="id",
        value=str(jan.pk),
        expires_at=timezone.now() + timedelta(days=1),
    )
    Audience.objects.filter(pk=other.pk).update(held_count=1)
    erase(jan)
    other.refresh_from_db()
    assert (other.held_count, Pending.objects.count()) == (0, 0)


def test_the_row_goes_when_nothing_is_waited_for(jan, in_ann, monkeypatch):
    places = ["Newsletter"]
    monkeypatch.setattr(
        erasing.keepers, "keepers", [erasing.keepers.Keeper(lambda *_: list(places), lambda *_: [])]
    )
    assert erasing.vanish(in_ann.pk, jan.pk) == erasing.Vanished(), "nobody was forgotten yet"
    erase(jan)
    assert erasing.vanish(in_ann.pk, jan.pk).waits_for == ("Newsletter",)
    places.clear()
    assert erasing.vanish(in_ann.pk, jan.pk) == erasing.Vanished()
    assert not Profile.objects.filter(pk=jan.pk).exists()
    assert erasing.vanish(in_ann.pk, jan.pk) == erasing.Vanished(), "harmless again"


def test_it_is_not_waited_for_ever(jan, in_ann, monkeypatch):
    keeper = erasing.keepers.Keeper(lambda *_: ["Newsletter"], lambda *_: ["Newsletter"])
    monkeypatch.setattr(erasing.keepers, "keepers", [keeper])
    erase(jan)
    vanished = erasing.vanish(in_ann.pk, jan.pk, timezone.now() + erasing.MOST_WAITED)
    assert vanished.left_at == ("Newsletter",)
    assert not Profile.objects.filter(pk=jan.pk).exists()


def test_another_accounts_person_is_out_of_reach(jan, bob_account):
    from syncapp.accounts import scope

    with scope.account(bob_account):
        assert erasing.leave(account_id=bob_account.pk, profile_id=jan.pk, source="test", erases=True) is None
        assert not Erasure.objects.exists()
