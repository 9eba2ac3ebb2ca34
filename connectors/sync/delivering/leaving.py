"""Taking people off: withdrawals are always unsubscribed, leavers as their goal says.

Who left is looked up first. Only those the ESP holds as on the list are taken off, and only they are remembered as
"left", to be put back should they return; who opted out by themselves stays as they are. Where the answer to an
unsubscribe was lost, nobody can tell the two apart any more: then they count as opted out by themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from connectors.esp.contract import Can, Contact, Outcome, State, Status
from connectors.models import Outcome as OutcomeRow
from connectors.sync.delivering.claiming import Batch, Person
from connectors.sync.delivering.confirming import News
from connectors.sync.delivering.failing import failed
from connectors.sync.delivering.halving import send_in_halves
from connectors.sync.delivering.target import Sent, Target

Operation = OutcomeRow.Operation
LEFT = "left"
OFF = (State.UNSUBSCRIBED, State.BOUNCED, State.REMOVED, State.SUPPRESSED)
WORSE = (Status.DONE, Status.REFUSED, Status.RETRY)
NOT_THERE = Outcome("", Status.DONE, "not_there")

Verb = Callable[[Sequence[str]], list[Outcome]]


def take_off(target: Target, batch: Batch) -> Sent:
    """Who is wanted again by now stays; who left and withdrew meanwhile is unsubscribed, whatever was planned."""
    sent = Sent()
    leaving = [person for person in batch.people if person.withheld is not None and person.held_addresses]
    outcomes: dict[int, Outcome] = {}
    for operation in (Operation.UNSUBSCRIBE, Operation.REMOVE, Operation.CLEAR):
        people = [person for person in leaving if to_be_done(person, batch.operation) == operation]
        if people:
            outcomes |= done(target, people, batch, operation, sent)
    sent.news = [to_news(person, batch.operation, outcomes, sent) for person in batch.people]
    return sent


def to_be_done(person: Person, planned: str) -> str:
    return planned if person.withheld == LEFT else Operation.UNSUBSCRIBE


def done(
    target: Target, people: Sequence[Person], batch: Batch, operation: str, sent: Sent
) -> dict[int, Outcome]:
    """One outcome per person, by profile id."""
    verb = verb_of(target, operation)
    outcomes = send_in_halves(people, lambda some: together(target, some, operation, verb), sent)
    return {person.profile_id: outcome for person, outcome in zip(people, outcomes, strict=True)}


def verb_of(target: Target, operation: str) -> Verb:
    connector, list_id = target.connector, target.list_id
    if operation == Operation.CLEAR:
        emptied: Mapping[str, None] = dict.fromkeys(target.audience_fields)
        return lambda addresses: connector.upsert(
            list_id, [Contact(address, values=emptied) for address in addresses], target.fields
        )
    if operation == Operation.REMOVE and Can.REMOVE in connector.spec.can:
        return lambda addresses: connector.remove(list_id, addresses)
    return lambda addresses: connector.unsubscribe(list_id, addresses)


def together(target: Target, people: Sequence[Person], operation: str, verb: Verb) -> list[Outcome]:
    """Look up who has to be, then one call for everybody else. The worst of a person's addresses counts."""
    standing = {
        address: stands(target, person, operation, address)
        for person in people
        for address in person.held_addresses
    }
    there = [address for address, outcome in standing.items() if outcome is None]
    answers = dict(zip(there, verb(there), strict=True)) if there else {}
    return [
        worst([standing[address] or answers[address] for address in person.held_addresses])
        for person in people
    ]


def stands(target: Target, person: Person, operation: str, address: str) -> Outcome | None:
    """What makes taking the address off needless; None when it is to be taken off."""
    left = person.withheld == LEFT
    may_be_done = person.attempts > 0 and not target.connector.spec.repeatable(operation)
    if not (left or may_be_done) or Can.READ_SUBSCRIBER not in target.connector.spec.can:
        return None
    found = target.connector.subscriber(target.list_id, address)
    if found is None:
        return NOT_THERE if left else Outcome(address, Status.DONE)
    if found.state not in OFF:
        return None
    if not left:
        return Outcome(address, Status.DONE)
    if operation == Operation.REMOVE and found.state is State.REMOVED and person.attempts > 0:
        return Outcome(address, Status.DONE)  # by us: the answer was lost
    return Outcome(address, Status.DONE, f"{found.state.value}_at_esp", state=found.state)


def worst(outcomes: Sequence[Outcome]) -> Outcome:
    """What has to be tried again before what was refused, an opt-out of their own before what we did."""
    return max(
        outcomes,
        key=lambda one: (WORSE.index(one.status), one.state is not None, one.code != NOT_THERE.code),
    )


def to_news(person: Person, planned: str, outcomes: Mapping[int, Outcome], sent: Sent) -> News:
    if person.withheld is None:
        return News("skipped", "wanted_again")
    if not person.held_addresses:
        return News("skipped", "not_there")
    outcome = outcomes[person.profile_id]
    if outcome.status is Status.REFUSED and outcome.state in OFF:
        return News("removed", f"{outcome.state}_at_esp", state=outcome.state.value)
    if outcome.status is not Status.DONE:
        return failed(person, outcome, sent)
    if outcome.state in OFF:
        return News("removed", outcome.code, state=outcome.state.value)
    if outcome.code == NOT_THERE.code:
        return News("removed", outcome.code)
    return News(
        "removed",
        "withdrew" if to_be_done(person, planned) != planned else "",
        state=state_of(person, planned),
    )


def state_of(person: Person, planned: str) -> str:
    if person.withheld != LEFT:
        # Whose addition was never confirmed may not have been there: should they be wanted again, the ESP knows.
        return "" if person.is_new else State.UNSUBSCRIBED.value
    return "cleared" if planned == Operation.CLEAR else LEFT
