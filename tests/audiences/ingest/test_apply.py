"""What a call does and answers, through real PostgreSQL."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from audiences.ingest import Contact, Operation, apply
from audiences.models import Audience, Change, Consent, Member, Objective, Pending, Profile, Property

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)


@pytest.fixture
def audience(in_ann, audience_of):
    return audience_of(in_ann)


def add(index, value, kind="external_id", contact=None, **more):
    return Operation(index, "add", kind, value, contact, **more)


def remove(index, value, kind="external_id", **more):
    return Operation(index, "remove", kind, value, **more)


def run(audience, *operations, unknown="create", **more):
    return apply(
        account=audience.account,
        audience=audience,
        operations=operations,
        unknown=unknown,
        source="test",
        now=more.pop("now", NOW),
        **more,
    )


def closes(result):
    counts = dict(result.counts)
    received = counts.pop("received")
    counts.pop("created")
    counts.pop("updated")
    return sum(counts.values()) == received


def test_new_people_become_members(audience):
    Property.objects.create(account=audience.account, key="city", label="City")
    result = run(
        audience,
        add(0, "c-1", contact=Contact(email=" Jan@Example.NL", properties={"city": "Gent"})),
        add(1, "x@y.nl", "email"),
    )
    assert closes(result)
    assert (result.counts["added"], result.counts["created"], result.member_count, result.version) == (
        2,
        2,
        2,
        2,
    )
    jan = Profile.objects.get(external_id="c-1")
    assert (jan.email, jan.properties) == ("jan@example.nl", {"city": "Gent"})
    assert set(result.profile_ids) == set(Change.objects.get().profile_ids)
    again = run(audience, add(0, "c-1", contact=Contact(email="jan@example.nl", properties={"city": "Gent"})))
    assert again.counts["already_member"] == 1
    assert again.profile_ids == ()
    gone = run(audience, remove(0, "c-1"), remove(1, "nobody"))
    assert (gone.counts["removed"], gone.counts["not_member"], gone.member_count) == (1, 1, 1)
