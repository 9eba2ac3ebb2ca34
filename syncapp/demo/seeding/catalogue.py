"""What a demo client is made of. The clients themselves are in `clients`."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from syncapp.demo.seeding.names import Names


@dataclass(frozen=True)
class DemoObjective:
    """`granted` and `denied` are shares of the people; who is left was never asked.

    Of those who granted, `withdrawn` is the share that took it back later.
    """

    key: str
    label: str
    description: str
    granted: float
    denied: float
    withdrawn: float = 0.05


@dataclass(frozen=True)
class DemoAudience:
    """`share` of the people are in it. Its system last pushed `quiet_days` ago."""

    external_id: str
    name: str
    share: float
    folder: str = ""
    labels: tuple[str, ...] = ()
    source_system: str = ""
    description: str = ""
    favourite: bool = False
    quiet_days: int = 0
    is_archived: bool = False
    is_deleted: bool = False
    waiting: int = 0  # people it was told of whom nobody knows yet


@dataclass(frozen=True)
class DemoSync:
    """A system sends an audience anew: with `kept` of its members and `unknown` ids that nobody knows."""

    audience: str
    kept: float
    unknown: int = 0


@dataclass(frozen=True)
class DemoList:
    """A list at the simulated ESP, which a goal exports audiences to.

    `has_leavers`: some people unsubscribed or bounced at the ESP before the first sync. `is_held`: nobody approved the
    first run yet.
    """

    title: str
    audiences: tuple[str, ...]
    confirmed_opt_in: bool = False
    leavers: str = "keep"
    has_leavers: bool = False
    is_held: bool = False


@dataclass(frozen=True)
class DemoConnection:
    """`works` False: its API key is one that the ESP does not know."""

    name: str
    objectives: tuple[str, ...]
    lists: tuple[DemoList, ...]
    description: str = ""
    labels: tuple[str, ...] = ()
    enabled: bool = True
    works: bool = True
    favourite: bool = False


@dataclass(frozen=True)
class DemoClient:
    slug: str
    name: str
    colour: str
    time_zone: str
    esp_time_zone: str
    country: str
    language: str
    currency: str
    prefix: str  # of customer numbers
    people: int
    names: Names
    interests: tuple[str, ...]
    objectives: tuple[DemoObjective, ...]
    audiences: tuple[DemoAudience, ...]
    connections: tuple[DemoConnection, ...]
    syncs: tuple[DemoSync, ...] = ()
    asks_to_delete: str = ""  # an audience whose deletion by a call waits for a person
    manager: tuple[str, str] = ("", "")  # name, address
    viewer: tuple[str, str] = ("", "")

    @property
    def esp_id(self) -> str:
        return made_up_id("client", self.slug)

    @property
    def esp_key(self) -> str:
        """The client's own API key at the simulated ESP: opens nothing elsewhere."""
        return made_up_id("key", self.slug)

    def list_id(self, title: str) -> str:
        return made_up_id("list", self.slug, title)


def made_up_id(*parts: str) -> str:
    """32 hexadecimal digits, as Campaign Monitor's ids; the same for the same parts."""
    return hashlib.sha256("/".join(parts).encode()).hexdigest()[:32]
