"""The simulated account: its state, its clock, its ids, and what the documentation leaves open."""

from __future__ import annotations

import hashlib
import re
import threading
import time
from collections import defaultdict, deque
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo

import msgspec

from ..counters import Ledger
from .state import Client, Field, List, World

# Windows display names, by the first city in them.
ZONES = {
    "Amsterdam": "Europe/Amsterdam",
    "Brussels": "Europe/Brussels",
    "Dublin": "Europe/London",
    "London": "Europe/London",
    "Canberra": "Australia/Sydney",
    "Eastern Time": "America/New_York",
    "Central Time": "America/Chicago",
    "Pacific Time": "America/Los_Angeles",
    "Coordinated Universal Time": "UTC",
}


class Knobs(msgspec.Struct, forbid_unknown_fields=True):
    """Behaviour the documentation leaves open; the defaults are the likeliest."""

    keys: str = "bracketed"  # in reads; or "fieldname"
    add_delay_ms: float = 0  # an add is queued: visible after this
    import_coi_state: str = "Active"  # of new people imported on a confirmed-opt-in list
    resub_clears_suppression: bool = False
    suppress_blocks_new: bool = True  # code 204 for a suppressed address that was never on the list
    repeat_unsubscribe: int = 200  # or 203
    repeat_delete: int = 203  # or 200
    unknown_list: str = "101/401"  # code/status; or "101/400", "102/401"
    text_overflow: str = "truncate"  # or "error810"
    bad_value: str = "ignore"  # or "error"
    subscriber_throttle: bool = False  # 429 above 5 adds or updates of one address in 10 s
    agency: bool = True


class Core:
    """State and helpers. Guard every use with `lock`."""

    def __init__(self, seed: str) -> None:
        self.lock = threading.RLock()
        self.world = World(seed=seed)
        self.knobs = Knobs()
        self.ledger = Ledger()
        self.version = 0
        self.recent_writes: dict[str, deque[float]] = defaultdict(deque)
        self._lookups: dict[str, dict[str, Field]] = {}

    def now(self) -> float:
        return float(int(time.time() + self.world.clock_offset_s))

    def mint(self, length: int = 32) -> str:
        """The next id: hexadecimal, the same for the same seed and the same order of creations."""
        self.world.minted += 1
        text = f"{self.world.seed}:{self.world.minted}"
        return hashlib.sha256(text.encode()).hexdigest()[:length]

    def changed(self, lst: List | None = None) -> None:
        self.version += 1
        if lst is not None:
            lst.version += 1

    def client_of(self, lst: List) -> Client:
        return self.world.clients[lst.client_id]

    def lists_of(self, client: Client) -> list[List]:
        return [lst for lst in self.world.lists.values() if lst.client_id == client.id]

    def lookup(self, lst: List) -> dict[str, Field]:
        """Fields under the spellings writes may use, also reduced by `plain_key`; cached."""
        found = self._lookups.get(lst.id)
        if found is None:
            found = {plain_key(name): field for field in lst.fields for name in (field.name, field.key)}
            found |= {name: field for field in lst.fields for name in (field.key, field.key.strip("[]"))}
            found.pop("", None)  # a field with the key [] cannot be written to
            self._lookups[lst.id] = found
        return found

    def forget_lookups(self) -> None:
        self._lookups.clear()


def plain_key(key: str) -> str:
    """ "[Date of birth]" and "dateofbirth" are the same field."""
    return re.sub(r"[\s\[\]]", "", key).lower()


@lru_cache(maxsize=256)
def zone_of(name: str) -> tzinfo:
    """The zone of a Windows display name: by its city, else by its (standard) offset."""
    for city, zone in ZONES.items():
        if city in name:
            return ZoneInfo(zone)
    offset = re.search(r"GMT([+-])(\d\d):(\d\d)", name)
    if offset is None:
        return UTC
    sign = -1 if offset[1] == "-" else 1
    return timezone(sign * timedelta(hours=int(offset[2]), minutes=int(offset[3])))


@lru_cache(maxsize=20_000)
def local(moment: float, zone_name: str) -> str:
    """ "2026-03-01 14:05:00" in the client's zone: without offset, as Campaign Monitor sends it."""
    return datetime.fromtimestamp(moment, zone_of(zone_name)).strftime("%Y-%m-%d %H:%M:%S")


def moment_of(text: str, zone_name: str) -> float | None:
    """Seconds since 1970 of "2026-03-01", "2026-03-01 14:05" or "2026-03-01 14:05:00"; None: no date."""
    for shape in ("%Y-%m-%d", "%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S"):
        try:
            return datetime.strptime(text, shape).replace(tzinfo=zone_of(zone_name)).timestamp()
        except ValueError:
            continue
    return None
