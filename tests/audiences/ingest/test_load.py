"""Streams of contacts, in chunks."""

from __future__ import annotations

import pytest

from audiences.ingest import Contact, load
from audiences.models import Change, Profile, Property


@pytest.fixture
def audience(in_ann, audience_of):
    Property.objects.create(account=in_ann, key="city", label="City")
    return audience_of(in_ann)


def contacts(total: int):
    for number in range(total):
        yield Contact(f"p{number}@example.com", f"c-{number}", {"city": "Gent"})


def test_a_stream_is_stored_in_chunks(audience):
    loaded = load(
        account=audience.account, audience=audience, contacts=contacts(250), source="import", chunk=100
    )
    assert (loaded.chunks, loaded.counts["received"], loaded.counts["added"], loaded.counts["created"]) == (
        3,
        250,
        250,
        250,
    )
    audience.refresh_from_db()
    assert audience.member_count == 250
    assert Change.objects.count() == 3
    again = load(
        account=audience.account, audience=audience, contacts=contacts(250), source="import", chunk=99
    )
    assert again.counts["already_member"] == 250
    assert Change.objects.count() == 3


def test_errors_name_the_position_in_the_stream(audience):
    stream = [Contact("a@x.nl"), Contact("b@x.nl"), Contact("bad"), Contact("c@x.nl"), Contact()]
    loaded = load(account=audience.account, audience=None, contacts=iter(stream), source="import", chunk=2)
    assert [(item.index, item.code) for item in loaded.errors] == [
        (2, "invalid_identifier"),
        (4, "invalid_identifier"),
    ]
    assert loaded.counts["created"] == Profile.objects.count() == 3


def test_nothing_is_nothing(audience):
    loaded = load(account=audience.account, audience=audience, contacts=[], source="import")
    assert (loaded.chunks, loaded.counts["received"]) == (0, 0)


def test_a_stream_that_breaks_leaves_whole_chunks(audience):
    def breaking():
        yield from contacts(250)
        raise OSError("The file ended early.")

    with pytest.raises(OSError, match="ended early"):
        load(account=audience.account, audience=audience, contacts=breaking(), source="import", chunk=100)
    audience.refresh_from_db()
    assert audience.member_count == Profile.objects.count() == 100
