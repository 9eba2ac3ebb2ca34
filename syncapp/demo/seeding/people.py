"""The people of a demo client: the same for the same client, dated back from the day of seeding."""

from __future__ import annotations

import random
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from audiences.ingest import ConsentGiven, Value
from syncapp.demo.seeding.catalogue import DemoClient, DemoObjective
from syncapp.demo.seeding.names import DOMAINS

FIRST_NUMBER = 10001
WITHOUT_ADDRESS = 0.03  # known by a card only
SUPPRESSED = 0.012
REASONS = ("complaint", "bounce", "request")
METHODS = ("double_opt_in", "single", "import", "api")


@dataclass(frozen=True)
class DemoPerson:
    """`suppressed` is the reason the address must not be mailed, or empty."""

    external_id: str
    email: str | None
    properties: dict[str, Value]
    consents: tuple[ConsentGiven, ...]
    audiences: frozenset[str]
    joined_at: datetime
    suppressed: str = ""

    @property
    def name(self) -> str:
        return f"{self.properties['first_name']} {self.properties['last_name']}"


@dataclass
class Maker:
    """Draws people one after another."""

    client: DemoClient
    now: datetime
    chance: random.Random = field(init=False)
    addresses: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.chance = random.Random(self.client.slug)  # noqa: S311  the same people at every seeding

    def people(self) -> Iterator[DemoPerson]:
        for number in range(FIRST_NUMBER, FIRST_NUMBER + self.client.people):
            yield self.person(number)

    def person(self, number: int) -> DemoPerson:
        chance, names = self.chance, self.client.names
        first, last = chance.choice(names.first), chance.choice(names.last)
        joined_at = self.now - timedelta(days=chance.randint(20, 2200), seconds=chance.randint(0, 80_000))
        email = None if chance.random() < WITHOUT_ADDRESS else self.address(first, last)
        return DemoPerson(
            external_id=f"{self.client.prefix}-{number}",
            email=email,
            properties=self.properties(first, last, joined_at),
            consents=tuple(self.consents(joined_at)),
            audiences=frozenset(a.external_id for a in self.client.audiences if chance.random() < a.share),
            joined_at=joined_at,
            suppressed=chance.choice(REASONS) if chance.random() < SUPPRESSED else "",
        )

    def address(self, first: str, last: str) -> str:
        local, domain = f"{to_ascii(first)}.{to_ascii(last)}", self.chance.choice(DOMAINS)
        address, number = f"{local}@{domain}", 1
        while address in self.addresses:
            number += 1
            address = f"{local}{number}@{domain}"
        self.addresses.add(address)
        return address

    def properties(self, first: str, last: str, joined_at: datetime) -> dict[str, Value]:
        chance = self.chance
        found: dict[str, Value] = {"first_name": first, "last_name": last, "customer_since": joined_at.date()}
        if chance.random() < 0.92:
            found["city"] = chance.choice(self.client.names.cities)
        if chance.random() < 0.6:
            found["birthday"] = date(chance.randint(1942, 2006), chance.randint(1, 12), chance.randint(1, 28))
        if chance.random() < 0.8:
            found["interests"] = sorted(chance.sample(self.client.interests, chance.randint(1, 3)))
        if chance.random() < 0.7:
            found["loyalty_points"] = int(chance.expovariate(1 / 350))  # 0 is a value, and occurs
        if chance.random() < 0.5:
            found["vip"] = chance.random() < 0.08
        return found

    def consents(self, joined_at: datetime) -> Iterator[ConsentGiven]:
        for objective in self.client.objectives:
            yield from self.answers(objective, joined_at)

    def answers(self, objective: DemoObjective, joined_at: datetime) -> Iterator[ConsentGiven]:
        """None where the person was never asked; two where they took a yes back."""
        drawn, method = self.chance.random(), self.chance.choice(METHODS)
        evidence = {"form": f"https://{self.client.slug}.example.com/{objective.key}", "text_version": 3}
        if drawn < objective.granted:
            yield ConsentGiven(objective.key, "granted", joined_at, method, evidence)
            if self.chance.random() < objective.withdrawn:
                later = joined_at + (self.now - joined_at) * self.chance.random()
                yield ConsentGiven(objective.key, "denied", later, "api", {"page": "preferences"})
        elif drawn < objective.granted + objective.denied:
            yield ConsentGiven(objective.key, "denied", joined_at, method, evidence)


def to_ascii(name: str) -> str:
    """ "van der Zoë" → "vanderzoe": letters only, for the part before the @."""
    plain = unicodedata.normalize("NFKD", name.replace("ı", "i").replace("ş", "s")).encode("ascii", "ignore")
    return "".join(letter for letter in plain.decode().lower() if letter.isalnum())


def people_of(client: DemoClient, now: datetime) -> list[DemoPerson]:
    return list(Maker(client, now).people())
