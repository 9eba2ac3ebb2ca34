"""Sending one claimed batch: gate again, build, call, one piece of news per person. No database here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from connectors.esp.contract import Can, Connector, Contact, Outcome, RemoteField, Status
from connectors.esp.errors import ConnectorError, NeedsAttention, RateLimited
from connectors.models import Outcome as OutcomeRow
from connectors.sync.queue import Batch, Claimed, News, Person
from connectors.sync.sources import Shape, to_contact

PERSON_PAUSE_S = 30.0  # the ESP asked to try this one person later; doubles with every try
PERSON_PAUSE_MOST_S = 21_600.0
UNSUBSCRIBES_PER_CLAIM = 50  # ESPs take them one by one; this many fit a lease


@dataclass(frozen=True, slots=True)
class Target:
    """Where a goal sends to, ready for use by several threads."""

    connector: Connector
    list_id: str
    shape: Shape
    fields: Sequence[RemoteField] | None


@dataclass(slots=True)
class Sent:
    """What came of a batch, and the trouble that stopped it, if any."""

    news: list[News] = field(default_factory=list)
    trouble: ConnectorError | None = None


def send(target: Target, batch: Batch, people: dict[int, Person]) -> Sent:
    if batch.operation == OutcomeRow.Operation.UNSUBSCRIBE:
        return unsubscribe(target, batch, people)
    return upsert(target, batch, people)


def upsert(target: Target, batch: Batch, people: dict[int, Person]) -> Sent:
    sent = Sent()
    sending: list[tuple[Claimed, Person]] = []
    contacts: list[Contact] = []
    for claimed in batch.people:
        person = people[claimed.profile_id]
        if person.withheld is not None or person.address is None:
            sent.news.append(News(claimed, "skipped", person.withheld or "no_address"))
            continue
        sending.append((claimed, person))
        contacts.append(
            to_contact(target.shape, person.address, person.external_id, person.properties, person.audiences)
        )
    outcomes = deliver(target, contacts, sent)
    for (claimed, person), outcome in zip(sending, outcomes, strict=True):
        sent.news.append(to_news(claimed, person, outcome, sent.trouble))
    retire_old_addresses(target, sent)
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


def to_news(claimed: Claimed, person: Person, outcome: Outcome, trouble: ConnectorError | None) -> News:
    state = outcome.state.value if outcome.state is not None else ""
    if outcome.status is Status.DONE:
        left_out = "; ".join(f"{value.key}: {value.words}" for value in outcome.left_out)
        return News(
            claimed,
            "created" if claimed.is_new else "updated",
            outcome.left_out[0].code if outcome.left_out else "",
            left_out,
            address=person.address or "",
            sent=person.fingerprint,
            state=state or "active",
        )
    if outcome.status is Status.REFUSED:
        return News(claimed, "rejected", outcome.code, outcome.words, state=state)
    return retry(claimed, outcome, trouble)


def retry(claimed: Claimed, outcome: Outcome, trouble: ConnectorError | None) -> News:
    """Later: at once when the ESP as a whole had trouble (the goal pauses), else after the person's own pause."""
    if trouble is not None:
        counts = not isinstance(trouble, (RateLimited, NeedsAttention))
        return News(claimed, "retry", trouble.code or "stopped", str(trouble), counts=counts)
    pause = min(PERSON_PAUSE_MOST_S, PERSON_PAUSE_S * 2 ** min(claimed.attempts - 1, 20))
    return News(claimed, "retry", outcome.code, outcome.words, delay_s=pause)


def retire_old_addresses(target: Target, sent: Sent) -> None:
    """Who changed address is on the list twice now: take the old address off, or try the person again."""
    for number, news in enumerate(sent.news):
        old = news.person.accepted_address
        if news.result != "updated" or not old or old == news.address:
            continue
        trouble = take_off(target, old)
        if trouble is not None:
            sent.news[number] = News(
                news.person, "retry", trouble.code or "old_address", str(trouble), delay_s=PERSON_PAUSE_S
            )


def take_off(target: Target, address: str) -> ConnectorError | None:
    verb = (
        target.connector.remove if Can.REMOVE in target.connector.spec.can else target.connector.unsubscribe
    )
    try:
        verb(target.list_id, [address])
    except ConnectorError as error:
        return error
    return None


def unsubscribe(target: Target, batch: Batch, people: dict[int, Person]) -> Sent:
    sent = Sent()
    leaving: list[tuple[Claimed, str]] = []
    for claimed in batch.people:
        person = people.get(claimed.profile_id)
        if person is not None and person.withheld is None:
            sent.news.append(News(claimed, "skipped", "wanted_again"))
            continue
        address = claimed.accepted_address or (person.address if person else "") or ""
        if not address:
            sent.news.append(News(claimed, "skipped", "no_address"))
            continue
        leaving.append((claimed, address))
    try:
        outcomes = (
            target.connector.unsubscribe(target.list_id, [address for _, address in leaving])
            if leaving
            else []
        )
    except ConnectorError as error:
        sent.trouble = error
        outcomes = [Outcome(address, Status.RETRY, "stopped", "") for _, address in leaving]
    for (claimed, _), outcome in zip(leaving, outcomes, strict=True):
        sent.news.append(left(claimed, outcome, sent.trouble))
    return sent


def left(claimed: Claimed, outcome: Outcome, trouble: ConnectorError | None) -> News:
    if outcome.status is Status.DONE:
        return News(claimed, "removed", state="unsubscribed")
    if outcome.status is Status.REFUSED:
        return News(claimed, "rejected", outcome.code, outcome.words)
    return retry(claimed, outcome, trouble)
