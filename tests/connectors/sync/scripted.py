"""An ESP in memory whose verbs may not be repeated, and that loses answers when told to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from connectors.esp.campaign_monitor.spec import SPEC
from connectors.esp.contract import Connector, Contact, Outcome, RemoteField, State, Status, Subscriber
from connectors.esp.errors import Ambiguous
from connectors.sync.delivering.claiming import Batch, Person
from connectors.sync.delivering.target import Target

ONCE = frozenset({"upsert", "rename", "unsubscribe", "remove"})


class Scripted(Connector):
    """`lose`: verbs whose next answer is lost after it was done; `refuse`: those that do not arrive."""

    spec = replace(SPEC, once=ONCE)

    def __init__(self) -> None:
        self.people: dict[str, Subscriber] = {}
        self.made: list[str] = []
        self.lose: set[str] = set()
        self.drop: set[str] = set()

    def _do(self, verb: str) -> bool:
        self.made.append(verb)
        return verb not in self.drop

    def _answer(self, verb: str) -> None:
        if verb in self.lose or verb in self.drop:
            self.lose.discard(verb)
            self.drop.discard(verb)
            raise Ambiguous(operation=verb)

    def upsert(
        self,
        list_id: str,
        contacts: Sequence[Contact],
        fields: Sequence[RemoteField] | None = None,
        *,
        restore: bool = False,
    ) -> list[Outcome]:
        if self._do("upsert"):
            for contact in contacts:
                values: dict[str, Any] = dict(contact.values)
                self.people[contact.address] = Subscriber(contact.address, State.ACTIVE, contact.name, values)
        self._answer("upsert")
        return [Outcome(contact.address, Status.DONE) for contact in contacts]

    def rename(self, list_id: str, old: str, new: str) -> Outcome:
        if self._do("rename"):
            self.people[new] = replace(self.people.pop(old), address=new)
        self._answer("rename")
        return Outcome(new, Status.DONE)

    def unsubscribe(self, list_id: str, addresses: Sequence[str]) -> list[Outcome]:
        if self._do("unsubscribe"):
            for address in addresses:
                self.people[address] = replace(self.people[address], state=State.UNSUBSCRIBED)
        self._answer("unsubscribe")
        return [Outcome(address, Status.DONE) for address in addresses]

    def subscriber(self, list_id: str, address: str) -> Subscriber | None:
        return self.people.get(address)


def batch_of(*people: Person, operation: str = "upsert") -> Batch:
    return Batch(token=None, operation=operation, people=people)  # type: ignore[arg-type]


def person(address: str, **more: Any) -> Person:
    known: dict[str, Any] = {
        "profile_id": 1,
        "run_id": None,
        "is_new": True,
        "left_state": "",
        "attempts": 0,
        "failing_since": None,
        "held": None,
        "address": address,
        "withheld": None,
        "inputs": [1, address],
    }
    return Person(**{**known, **more})


def target_of(connector: Connector) -> Target:
    return Target(connector, "list", None, lambda inputs: Contact(inputs[1], "Eve"))
