"""Rename, restore, reading a list back and the preview, of every connector that declares them."""

import json
from collections.abc import Iterator
from datetime import date, timedelta

import pytest

from connectors.esp.contract import ABSENT, TAKEN, Can, Contact, Page, State, Status
from connectors.esp.errors import Refused, Unreachable, Unsupported

from .playing import Play


def everyone(play: Play, state: State) -> Iterator[Page]:
    page = play.connector.read_list(play.ground.list_id, state)
    yield page
    while page.next is not None:
        page = play.connector.read_list(play.ground.list_id, state, cursor=page.next)
        yield page


def standing(play: Play, address: str) -> State | None:
    found = play.connector.subscriber(play.ground.list_id, address)
    return None if found is None else found.state


@pytest.fixture
def renaming(play: Play) -> Play:
    if not play.can(Can.RENAME):
        pytest.skip("It cannot rename.")
    return play


def test_a_renamed_person_keeps_what_the_list_holds_of_them(renaming: Play) -> None:
    connector, list_id = renaming.connector, renaming.ground.list_id
    connector.upsert(list_id, [Contact("Old+1@example.com", "Eve", consent_to_track=True)])
    before = connector.subscriber(list_id, "Old+1@example.com")
    outcome = connector.rename(list_id, "Old+1@example.com", "New+1@example.com")
    assert (outcome.address, outcome.status, outcome.code) == ("New+1@example.com", Status.DONE, "")
    after = connector.subscriber(list_id, "new+1@example.com")
    assert before is not None
    assert after is not None
    assert (after.name, after.values, after.state) == (before.name, before.values, before.state)
    assert standing(renaming, "Old+1@example.com") is None


def test_a_rename_made_twice_is_done_twice_and_has_one_effect(renaming: Play) -> None:
    connector, list_id = renaming.connector, renaming.ground.list_id
    connector.upsert(list_id, [Contact("old@example.com")])
    renaming.simulator.faults([{"kind": "reset_after", "match": renaming.stage.operations["rename"]}])
    with pytest.raises(Unreachable):
        connector.rename(list_id, "old@example.com", "new@example.com")
    for _ in range(2):
        assert connector.rename(list_id, "old@example.com", "new@example.com").status is Status.DONE
    assert standing(renaming, "old@example.com") is None
    assert standing(renaming, "new@example.com") is State.ACTIVE


def test_a_rename_onto_somebody_else_changes_neither(renaming: Play) -> None:
    connector, list_id = renaming.connector, renaming.ground.list_id
    connector.upsert(list_id, [Contact("old@example.com", "Eve"), Contact("new@example.com", "Adam")])
    outcome = connector.rename(list_id, "old@example.com", "new@example.com")
    assert (outcome.status, outcome.code) == (Status.REFUSED, TAKEN)
    assert outcome.words.endswith(".")
    for address, name in (("old@example.com", "Eve"), ("new@example.com", "Adam")):
        found = connector.subscriber(list_id, address)
        assert found is not None
        assert found.name == name


@pytest.mark.parametrize("old", ["never@example.com", "no address at all", " ", "half \ud800"])
def test_a_rename_of_nobody_adds_nobody(renaming: Play, old: str) -> None:
    outcome = renaming.connector.rename(renaming.ground.list_id, old, "new@example.com")
    assert (outcome.status, outcome.code) == (Status.REFUSED, ABSENT)
    assert standing(renaming, "new@example.com") is None


@pytest.mark.parametrize("new", ["no address at all", "nul\x00@example.com", "half\ud800@example.com"])
def test_a_rename_to_no_address_is_about_this_person(renaming: Play, new: str) -> None:
    connector, list_id = renaming.connector, renaming.ground.list_id
    connector.upsert(list_id, [Contact("old@example.com")])
    outcome = connector.rename(list_id, "old@example.com", new)
    assert outcome.status is Status.REFUSED
    assert outcome.code not in ("", TAKEN, ABSENT)
    assert standing(renaming, "old@example.com") is State.ACTIVE


def test_a_rename_brings_nobody_back(renaming: Play) -> None:
    """Who opted out has another address now, and is still out."""
    old = renaming.stage.standing[State.UNSUBSCRIBED]
    assert renaming.connector.rename(renaming.ground.list_id, old, "n@example.com").status is Status.DONE
    assert standing(renaming, "n@example.com") is State.UNSUBSCRIBED


def test_restore_brings_back_and_its_absence_does_not(play: Play) -> None:
    if not play.can(Can.RESTORE):
        return
    connector, list_id = play.connector, play.ground.list_id
    connector.upsert(list_id, [Contact("eve@example.com"), Contact("adam@example.com")])
    connector.unsubscribe(list_id, ["eve@example.com"])
    connector.remove(list_id, ["adam@example.com"])
    back = [Contact("eve@example.com"), Contact("adam@example.com")]
    states = [outcome.state for outcome in connector.upsert(list_id, back)]
    assert set(states) <= {State.UNSUBSCRIBED, State.REMOVED, State.SUPPRESSED}
    for _ in range(2):
        assert [o.status for o in connector.upsert(list_id, back, restore=True)] == [Status.DONE] * 2
    assert [standing(play, contact.address) for contact in back] == [State.ACTIVE] * 2


def test_a_list_is_read_back_page_by_page(play: Play) -> None:
    if not play.can(Can.READ_LIST):
        return
    size = play.connector.spec.limits.page
    there = {play.stage.standing[State.ACTIVE], play.stage.standing[State.SUPPRESSED]}
    there &= {p["email"] for p in play.simulator.subscribers(play.ground.list_id) if p["state"] == "Active"}
    added = [f"Person{n * 7919 % 2500}@example.com" for n in range(2 * size + 2)]
    for start in range(0, len(added), play.connector.spec.limits.batch):
        batch = added[start : start + play.connector.spec.limits.batch]
        play.connector.upsert(play.ground.list_id, [Contact(address, "Eve") for address in batch])
    pages = list(everyone(play, State.ACTIVE))
    assert [len(page.people) for page in pages] == [size, size, 2 + len(there)]
    assert {page.total for page in pages} == {len(added) + len(there)}
    found = [person.address for page in pages for person in page.people]
    assert found == sorted(found, key=str.lower)
    assert set(found) == there | set(added)
    assert pages[0].people[0].state is State.ACTIVE


@pytest.mark.parametrize("state", [State.UNCONFIRMED, State.UNSUBSCRIBED, State.BOUNCED, State.REMOVED])
def test_a_list_is_read_back_by_state(play: Play, state: State) -> None:
    if not play.can(Can.READ_LIST):
        return
    (page,) = everyone(play, state)
    assert [(p.address, p.state) for p in page.people] == [(play.stage.standing[state], state)]
    assert page.people[0].state_since is not None
    tomorrow = date.today() + timedelta(days=2)  # noqa: DTZ011  well after any zone's today
    since = play.connector.read_list(play.ground.list_id, state, since=tomorrow)
    assert (since.people, since.next) == ([], None)
    yesterday = tomorrow - timedelta(days=4)
    assert play.connector.read_list(play.ground.list_id, state, since=yesterday).people == page.people


def test_an_empty_list_is_one_empty_page(play: Play) -> None:
    if play.can(Can.READ_LIST):
        play.connector.unsubscribe(play.ground.list_id, [play.stage.standing[State.ACTIVE]])
        pages = list(everyone(play, State.ACTIVE))
        assert [(page.people, page.next) for page in pages] == [([], None)]


def test_what_cannot_be_read_says_so(play: Play) -> None:
    if not play.can(Can.READ_LIST):
        return
    with pytest.raises(Unsupported):
        play.connector.read_list(play.ground.list_id, State.UNKNOWN)
    with pytest.raises(Refused):
        play.connector.read_list(play.ground.list_id, State.ACTIVE, cursor="of somebody else")


def test_who_is_missed_when_the_list_changes_while_it_is_read(play: Play) -> None:
    """As the docstring of Campaign Monitor's `read_list` says: one missed for one who left, and it is seen."""
    if play.key != "campaign_monitor":
        return
    people = [f"p{n:04}@example.com" for n in range(1500)]
    play.connector.unsubscribe(play.ground.list_id, [play.stage.standing[State.ACTIVE]])
    for start in (0, 1000):
        play.connector.upsert(play.ground.list_id, [Contact(a) for a in people[start : start + 1000]])
    first = play.connector.read_list(play.ground.list_id, State.ACTIVE)
    play.connector.unsubscribe(play.ground.list_id, ["p0000@example.com"])
    second = play.connector.read_list(play.ground.list_id, State.ACTIVE, cursor=first.next)
    seen = {person.address for page in (first, second) for person in page.people}
    assert set(people) - seen == {"p1000@example.com"}
    assert (first.total, second.total) == (1500, 1499)


def test_suppressions_are_read(play: Play) -> None:
    if play.can(Can.READ_SUPPRESSIONS):
        page = play.connector.suppressions(play.ground.client_id)
        assert [(p.address, p.state) for p in page.people] == [
            (play.stage.standing[State.SUPPRESSED], State.SUPPRESSED)
        ]
        assert page.next is None
        assert page.people[0].state_since is not None


@pytest.mark.parametrize("restore", [False, True])
def test_a_preview_is_what_upsert_sends_and_sends_nothing(play: Play, restore: bool) -> None:
    fields = play.connector.fields(play.ground.list_id)
    contact = Contact("Eve+1@example.com", "Ève", {fields[0].key: "Ghent"})
    play.kept.clear()
    shown = play.connector.preview(play.ground.list_id, [contact], fields, restore=restore)
    assert play.kept == []
    assert shown is not None
    assert all(part in shown.body for part in ("Eve+1@example.com", "Ève", "Ghent"))
    play.connector.upsert(play.ground.list_id, [contact], fields, restore=restore)
    (sent,) = play.kept
    assert (sent.method, sent.path) == (shown.method, shown.path)
    assert sent.request_bytes == len(shown.body.encode())
    json.loads(shown.body)


def test_nothing_to_send_has_no_preview(play: Play) -> None:
    assert play.connector.preview(play.ground.list_id, [Contact("nul\x00@example.com")]) is None
