"""What time takes away, and who is let in late."""

from __future__ import annotations

from datetime import timedelta

import pytest

from audiences.ingest.sweep import sweep
from audiences.models import Change, Member, Pending, Profile
from tests.audiences.ingest.calls import NOW, add, counts, members_of, remove, run

DAY = timedelta(days=1)


@pytest.fixture
def audience(in_ann, audience_of):
    return audience_of(in_ann)


def test_traces_and_waiting_people_end_after_thirty_days(audience):
    run(audience, add(0, "stays"), add(1, "goes"))
    run(audience, remove(0, "goes"))
    run(audience, add(0, "waits"), remove(1, "waits not"), unknown="hold")
    assert sweep(audience.account_id, NOW + 29 * DAY) == sweep(audience.account_id, NOW)
    swept = sweep(audience.account_id, NOW + 31 * DAY)
    assert (swept.traces, swept.waiting, swept.appeared) == (1, 2, ())
    audience.refresh_from_db()
    assert (audience.member_count, audience.held_count) == (1, 0)
    assert Member.objects.count() == 1
    assert not Pending.objects.exists()


def test_people_who_were_missed_are_let_in(audience):
    """As when a person is made while another call, which cannot see that yet, begins to hold them."""
    run(audience, add(0, "c-1"), add(1, "e@x.nl", "email"), unknown="hold")
    one = Profile.objects.create(account=audience.account, external_id="c-1")
    two = Profile.objects.create(account=audience.account, email="e@x.nl")
    swept = sweep(audience.account_id, NOW)
    assert swept.appeared == (one.pk, two.pk) == tuple(Change.objects.get().profile_ids)
    audience.refresh_from_db()
    assert (audience.member_count, audience.held_count) == (2, 0)
    assert len(members_of(audience)) == 2
    assert counts(run(audience, add(0, "c-1"))) == {"already_member": 1}
