"""Sending one claimed batch: gate again, build, call, one piece of news per person. No database here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from msgspec.structs import replace

from connectors.esp.contract import Can, Connector, Contact, Outcome, RemoteField, Status
from connectors.esp.errors import ConnectorError, NeedsAttention, RateLimited
from connectors.models import Outcome as OutcomeRow
from connectors.sync.claiming import Batch, Person
from connectors.sync.confirming import News

PERSON_PAUSE_S = 30.0  # the ESP asked to try this one person later; doubles with every try
PERSON_PAUSE_MOST_S = 21_600.0
GONE = ("unsubscribed", "bounced", "removed", "suppressed")  # states in which the ESP mails nobody
WORSE = (Status.DONE, Status.REFUSED, Status.RETRY)
CREATED = News("created", state="active")
UPDATED = News("updated", state="active")
UNSUBSCRIBES_PER_CLAIM = 50  # ESPs take them one by one; this many fit a lease


@dataclass(frozen=True, slots=True)
class Target:
    """Where a goal sends to, ready for use by several threads."""

    connector: Connector
    list_id: str
    fields: Sequence[RemoteField] | None
    to_contact: Callable[[list[Any]], Contact]


@dataclass(slots=True)
class Sent:
    """What came of a batch, and the trouble that stopped it, if any."""

    news: list[News] = field(default_factory=list)
    trouble: ConnectorError | None = None


def send(target: Target, batch: Batch) -> Sent:
    if batch.operation == OutcomeRow.Operation.UNSUBSCRIBE:
        return unsubscribe(target, batch)
    return upsert(target, batch)


def upsert(target: Target, batch: Batch) -> Sent:
    sent = Sent()
    sending = [person for person in batch.people if person.withheld is None]
    contacts = [target.to_contact(person.inputs) for person in sending]
    outcomes = iter(deliver(target, contacts, sent))
    sent.news = [
        to_news(person, next(outcomes), sent.trouble)
        if person.withheld is None
        else News("skipped", person.withheld)
        for person in batch.people
    ]
    retire_old_addresses(target, batch, sent)
    return sent


def deliver(target: Target, contacts: Sequence[Contact], sent: Sent) -> list[Outcome]:
    """One outcome per contact. A batch the ESP refuses as a whole is halved, down to the one it refuses."""
    if not contacts:
        return []
    if sent.trouble is not None:
        return [later(contact) for contact in contacts]
    try:
        return target.connector.upsert(target.list_id, contacts, target.fields)
    except ConnectorError as error:
        if not error.may_split:
            sent.trouble = error
            return [later(contact) for contact in contacts]
        if len(contacts) == 1:
            return [Outcome(contacts[0].address, Status.REFUSED, error.code or "refused", str(error))]
    half = len(contacts) // 2
    return deliver(target, contacts[:half], sent) + deliver(target, contacts[half:], sent)


def later(contact: Contact) -> Outcome:
    return Outcome(contact.address, Status.RETRY, "stopped", "")


def to_news(person: Person, outcome: Outcome, trouble: ConnectorError | None) -> News:
    if outcome.status is Status.RETRY:
        return retry(person, outcome, trouble)
    state = outcome.state.value if outcome.state is not None else ""
    if outcome.status is Status.REFUSED:
        return News("rejected", outcome.code, outcome.words, state)
    if not outcome.left_out and not state:
        return CREATED if person.is_new else UPDATED
    words = "; ".join(f"{value.key}: {value.words}" for value in outcome.left_out)
    code = outcome.left_out[0].code if outcome.left_out else ""
    return News("created" if person.is_new else "updated", code, words, state or "active")


def retry(person: Person, outcome: Outcome, trouble: ConnectorError | None) -> News:
    """Later: at once when the ESP as a whole had trouble (the goal pauses), else after the person's own pause."""
    if trouble is not None:
        counts = not isinstance(trouble, (RateLimited, NeedsAttention))
        return News("retry", trouble.code or "stopped", str(trouble), counts=counts)
    pause = min(PERSON_PAUSE_MOST_S, PERSON_PAUSE_S * 2 ** min(person.attempts, 20))
    return News("retry", outcome.code, outcome.words, delay_s=pause)


def retire_old_addresses(target: Target, batch: Batch, sent: Sent) -> None:
    """Who changed address is on the list twice now: take the old address off, or try the person again.

    Also when the new one opted out at the ESP: the old one is theirs no more.
    """
    for number, (person, news) in enumerate(zip(batch.people, sent.news, strict=True)):
        if not person.held or (news.result not in ("created", "updated") and news.state not in GONE):
            continue
        old = [address for address in person.held_addresses if address != person.address]
        trouble = take_off(target, old) if old else None
        if trouble is not None:
            sent.news[number] = replace(retry(person, trouble, None), delay_s=PERSON_PAUSE_S)


def take_off(target: Target, addresses: Sequence[str]) -> Outcome | None:
    """What keeps one of the addresses on the list for now; None when they are off, or never come off."""
    verb = (
        target.connector.remove if Can.REMOVE in target.connector.spec.can else target.connector.unsubscribe
    )
    try:
        outcomes = verb(target.list_id, addresses)
    except ConnectorError as error:
        return Outcome(addresses[0], Status.RETRY, error.code or "old_address", str(error))
    return next((outcome for outcome in outcomes if outcome.status is Status.RETRY), None)


def unsubscribe(target: Target, batch: Batch) -> Sent:
    sent = Sent()
    leaving = [person for person in batch.people if person.withheld is not None]
    outcomes = iter(unsubscribed(target, [a for person in leaving for a in person.held_addresses], sent))
    for person in batch.people:
        if person.withheld is None:
            sent.news.append(News("skipped", "wanted_again"))
        elif not person.held_addresses:
            sent.news.append(News("skipped", "not_there"))
        else:
            answers = [next(outcomes) for _ in person.held_addresses]
            worst = max(answers, key=lambda one: WORSE.index(one.status))
            sent.news.append(left(person, worst, sent.trouble))
    return sent


def unsubscribed(target: Target, addresses: Sequence[str], sent: Sent) -> list[Outcome]:
    if not addresses:
        return []
    try:
        return target.connector.unsubscribe(target.list_id, addresses)
    except ConnectorError as error:
        sent.trouble = error
        return [Outcome(address, Status.RETRY, "stopped", "") for address in addresses]


def left(person: Person, outcome: Outcome, trouble: ConnectorError | None) -> News:
    if outcome.status is Status.DONE:
        # Whose addition was never confirmed may not have been there: should they be wanted again, the ESP knows.
        return News("removed", state="" if person.is_new else "unsubscribed")
    if outcome.status is Status.REFUSED:
        state = outcome.state.value if outcome.state is not None else ""
        return News("rejected", outcome.code, outcome.words, state=state)
    return retry(person, outcome, trouble)
