"""Who changed address: moved at the ESP where it can, else added anew and the old address retired."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from msgspec.structs import replace

from connectors.esp.contract import ABSENT, TAKEN, Can, Outcome, Status
from connectors.esp.errors import Ambiguous
from connectors.sync.delivering.claiming import Batch, Person
from connectors.sync.delivering.failing import failed
from connectors.sync.delivering.halving import send_in_halves
from connectors.sync.delivering.target import Sent, Target

GONE = ("unsubscribed", "bounced", "removed", "suppressed")  # states in which the ESP mails nobody


def old_addresses(person: Person) -> list[str]:
    """Where the ESP holds or may hold the person, and they are no more."""
    return [address for address in person.held_addresses if address != person.address]


def rename(target: Target, people: Sequence[Person], sent: Sent) -> tuple[dict[int, str], dict[int, Outcome]]:
    """Give people their new address at the ESP, with all it knows of them.

    Returns the old address of whoever moved, and the outcome of whoever has to wait, both by profile id. Who is in
    neither is sent as if they were new. Repeatable: who has moved already is moved.
    """
    moved: dict[int, str] = {}
    waiting: dict[int, Outcome] = {}
    if Can.RENAME not in target.connector.spec.can:
        return moved, waiting
    for person in people:
        for old in old_addresses(person):
            (outcome,) = send_in_halves([person], partial(rename_one, target, old), sent)
            if outcome.status is Status.DONE:
                moved[person.profile_id] = old
            elif outcome.status is Status.RETRY:
                waiting[person.profile_id] = outcome
            if outcome.code != ABSENT:
                break
    return moved, waiting


def rename_one(target: Target, old: str, people: Sequence[Person]) -> list[Outcome]:
    new = people[0].address or ""
    try:
        return [target.connector.rename(target.list_id, old, new)]
    except Ambiguous:
        if target.connector.subscriber(target.list_id, new) is None:
            raise
        there = target.connector.subscriber(target.list_id, old) is not None
        return [Outcome(new, Status.REFUSED, TAKEN) if there else Outcome(new, Status.DONE)]


def retire_old_addresses(target: Target, batch: Batch, moved: Mapping[int, str], sent: Sent) -> None:
    """Who changed address may be on the list twice now: take the old one off, or try the person again.

    Also when the new one opted out at the ESP: the old one is theirs no more.
    """
    for number, (person, news) in enumerate(zip(batch.people, sent.news, strict=True)):
        if not person.held or (news.result not in ("created", "updated") and news.state not in GONE):
            continue
        old = [address for address in old_addresses(person) if address != moved.get(person.profile_id)]
        if not old:
            continue
        (outcome,) = send_in_halves([person], partial(take_off, target, old), sent)
        if outcome.status is Status.RETRY:
            sent.news[number] = replace(failed(person, outcome, sent), state=news.state)


def take_off(target: Target, addresses: Sequence[str], _: Sequence[Person]) -> list[Outcome]:
    """What keeps one of the addresses on the list for now; DONE when they are off, or never come off."""
    connector = target.connector
    verb = connector.remove if Can.REMOVE in connector.spec.can else connector.unsubscribe
    waiting = [one for one in verb(target.list_id, addresses) if one.status is Status.RETRY]
    return waiting[:1] or [Outcome(addresses[0], Status.DONE)]
