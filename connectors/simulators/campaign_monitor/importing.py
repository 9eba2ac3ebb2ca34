"""The import of up to 1000 people."""

from __future__ import annotations

from typing import Any

from ..counters import note
from .asking import Ask, Created
from .binding import Batch, Person, bind
from .errors import Refused, message_of
from .writing import Writer

BATCH_MAX = 1000


def import_people(ask: Ask) -> Created:
    """At most 1000 people. One failure makes it HTTP 400, code 210; the others are written all the same."""
    batch = bind(ask.body, Batch, "subscribers")
    people = batch.people or []
    ask.request.tally.rows = len(people)
    if len(people) > BATCH_MAX:
        raise Refused(209)
    if not people:
        raise Refused(212)
    unique, duplicates = fold(people)
    result = write_all(ask, unique, batch.resubscribe is True)
    result["DuplicateEmailsInSubmission"] = duplicates
    if result["FailureDetails"]:
        raise Refused(210, result=result)
    return Created(result)


def fold(people: list[Person]) -> tuple[dict[str, Person], list[str]]:
    """One person per address, whatever its case: the last one wins. Duplicates once, as first written."""
    unique: dict[str, Person] = {}
    duplicates: dict[str, str] = {}
    for person in people:
        address = (person.email or "").strip().lower()
        earlier = unique.get(address)
        if earlier is not None and address not in duplicates:
            duplicates[address] = (earlier.email or "").strip()
        unique[address] = person
    return unique, list(duplicates.values())


def write_all(ask: Ask, unique: dict[str, Person], resubscribe: bool) -> dict[str, Any]:
    writer = Writer(ask.core, ask.list, resubscribe, imported=True)
    refusals = ask.request.refusals
    receipts, journals = ask.core.ledger.of(ask.list.id)
    failures: list[dict[str, Any]] = []
    existing = new = changed = 0
    for address, person in unique.items():
        receipts[address] = receipts.get(address, 0) + 1
        if address in refusals:
            failures.append(failure(person, refusals[address]))
            continue
        written = writer.write(address, person)
        if written.code:
            failures.append(failure(person, written.code))
            continue
        if written.existed:
            existing += 1
        else:
            new += 1
        if written.effect:
            changed += 1
            note(journals, address, written.effect)
    tally = ask.request.tally
    tally.accepted, tally.refused, tally.effects = existing + new, len(failures), changed
    if changed:
        ask.core.changed(ask.list)
    return {
        "TotalUniqueEmailsSubmitted": len(unique),
        "TotalExistingSubscribers": existing,
        "TotalNewSubscribers": new,
        "FailureDetails": failures,
    }


def failure(person: Person, code: int) -> dict[str, Any]:
    return {"EmailAddress": (person.email or "").strip(), "Code": code, "Message": message_of(code)}
