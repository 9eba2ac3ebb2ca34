"""Sending one claimed batch: gate again, build, call, one piece of news per person. No database here.

All verbs are repeatable at Campaign Monitor, also rename and restore: after a lost answer the same call is made
again. Where an ESP's verb is not, the people of a lost answer are looked up before they are sent again.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from connectors.esp.contract import Can, Contact, Outcome, State, Status, Subscriber
from connectors.models import Outcome as OutcomeRow
from connectors.sync.delivering.claiming import Batch, Person
from connectors.sync.delivering.confirming import News
from connectors.sync.delivering.failing import failed
from connectors.sync.delivering.halving import send_in_halves
from connectors.sync.delivering.leaving import take_off
from connectors.sync.delivering.renaming import old_addresses, rename, retire_old_addresses
from connectors.sync.delivering.target import Sent, Target

CREATED = News("created", state="active")
UPDATED = News("updated", state="active")
ONE_BY_ONE_PER_CLAIM = 50  # ESPs take removals one by one, and look-ups too; this many fit a lease
ASKED_ABOUT = (State.BOUNCED, State.SUPPRESSED)  # since they left: nobody is put back against that
# What the ESP says of whom we took off: surely, or maybe, as the answer to a removal was lost.
TAKEN_OFF = {"left": (State.UNSUBSCRIBED, State.REMOVED), "maybe_left": (State.REMOVED,)}


def send(target: Target, batch: Batch) -> Sent:
    if batch.operation in OutcomeRow.TAKING_OFF:
        return take_off(target, batch)
    return upsert(target, batch)


def upsert(target: Target, batch: Batch) -> Sent:
    sent = Sent()
    people = [person for person in batch.people if person.withheld is None]
    moved, outcomes = rename(target, [person for person in people if old_addresses(person)], sent)
    # Also in a batch of additions: that a removal was lost may have come out after they were planned.
    back, known = to_be_put_back(target, [person for person in people if person.left_state], sent)
    outcomes |= known
    if not target.connector.spec.repeatable("upsert"):
        outcomes |= look_up(target, [person for person in people if person.attempts], sent)
    returning = {person.profile_id for person in back}
    plain = [one for one in people if one.profile_id not in outcomes and one.profile_id not in returning]
    for group, restore in ((plain, False), (back, True)):
        sent_now = send_in_halves(group, partial(call, target, restore), sent)
        outcomes |= {person.profile_id: one for person, one in zip(group, sent_now, strict=True)}
    sent.news = [
        to_news(person, outcomes[person.profile_id], sent)
        if person.withheld is None
        else News("skipped", person.withheld)
        for person in batch.people
    ]
    retire_old_addresses(target, batch, moved, sent)
    return sent


def call(target: Target, restore: bool, people: Sequence[Person]) -> list[Outcome]:
    contacts = [target.to_contact(person.inputs) for person in people]
    return target.connector.upsert(target.list_id, contacts, target.fields, restore=restore)


def to_be_put_back(
    target: Target, people: Sequence[Person], sent: Sent
) -> tuple[list[Person], dict[int, Outcome]]:
    """Whom to bring back on the list, and the outcome of who is not sent, by profile id.

    Only who is off because we took them off when they left, and whose mail has not bounced or been complained about
    since. Everybody else is sent as always, which brings back nobody.
    """
    back: list[Person] = []
    known: dict[int, Outcome] = {}
    connector = target.connector
    if Can.RESTORE not in connector.spec.can or Can.READ_SUBSCRIBER not in connector.spec.can:
        return back, known
    for person in people:
        (outcome,) = send_in_halves([person], lambda one: [standing(target, one[0])], sent)
        if outcome.state in TAKEN_OFF[person.left_state]:
            back.append(person)
        elif outcome.status is not Status.DONE:
            known[person.profile_id] = outcome
    return back, known


def standing(target: Target, person: Person) -> Outcome:
    """How somebody stands at the ESP; REFUSED when that forbids to bring them back."""
    found = target.connector.subscriber(target.list_id, person.address or "")
    if found is not None and found.state in ASKED_ABOUT:
        words = "The ESP holds the person as one who is not to be mailed."
        return Outcome("", Status.REFUSED, f"{found.state.value}_at_esp", words, state=found.state)
    return Outcome("", Status.DONE, state=None if found is None else found.state)


def look_up(target: Target, people: Sequence[Person], sent: Sent) -> dict[int, Outcome]:
    """Who was sent already and arrived, by profile id: the answer was lost, and sending twice is not as once."""
    arrived: dict[int, Outcome] = {}
    for person in people:
        (outcome,) = send_in_halves([person], lambda one: [arrival(target, one[0])], sent)
        if outcome.status is not Status.DONE or outcome.state is not None:
            arrived[person.profile_id] = outcome
    return arrived


def arrival(target: Target, person: Person) -> Outcome:
    contact = target.to_contact(person.inputs)
    found = target.connector.subscriber(target.list_id, contact.address)
    return Outcome(
        "", Status.DONE, state=State.ACTIVE if found is not None and holds(found, contact) else None
    )


def holds(found: Subscriber, contact: Contact) -> bool:
    """Whether the ESP's person is what was sent; values it tells otherwise than they were sent are sent again."""
    sent = {key: "" if value is None else str(value) for key, value in contact.values.items()}
    there = {key: str(found.values.get(key, "")) for key in sent}
    return found.state is State.ACTIVE and found.name == contact.name and there == sent


def to_news(person: Person, outcome: Outcome, sent: Sent) -> News:
    if outcome.status is not Status.DONE:
        return failed(person, outcome, sent)
    state = outcome.state.value if outcome.state is not None else ""
    if not outcome.left_out and not state:
        return CREATED if person.is_new else UPDATED
    words = "; ".join(f"{value.key}: {value.words}" for value in outcome.left_out)
    code = outcome.left_out[0].code if outcome.left_out else ""
    return News("created" if person.is_new else "updated", code, words, state or "active")


__all__ = ["ONE_BY_ONE_PER_CLAIM", "Sent", "Target", "send"]
