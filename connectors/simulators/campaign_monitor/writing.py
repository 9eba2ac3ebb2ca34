"""How one person is added to or updated on a list: checks, the resubscribe table, and the change itself."""

from __future__ import annotations

import re
from collections.abc import Container
from dataclasses import dataclass, field
from functools import lru_cache

from ..counters import ADDED, REACTIVATED, UPDATED
from .binding import Person
from .core import Core, plain_key
from .state import Client, Field, List, State, Subscriber, Suppressed
from .values import first_problem, set_values

EMAIL_CHARS = 254
LOCAL = re.compile(r"[\w!#$%&'*+/=?^`{|}~-]+(?:\.[\w!#$%&'*+/=?^`{|}~-]+)*")
DOMAIN = re.compile(r"(?:[^\W_](?:[\w-]*[^\W_])?\.)+(?:xn--[a-z0-9-]+|[^\W\d_]{2,})", re.IGNORECASE)
MOBILE = re.compile(r"\+[1-9]\d{6,14}")
ACTIVE, UNCONFIRMED = State.ACTIVE, State.UNCONFIRMED  # an enum's members are slow to look up
CONSENTS = {"Yes": "Yes", "No": "No", "Unchanged": "", "yes": "Yes", "no": "No", "unchanged": ""}
INACTIVE = {
    State.DELETED: 205,
    State.UNSUBSCRIBED: 206,
    State.BOUNCED: 207,
    State.UNCONFIRMED: 208,
}


def is_email(text: str) -> bool:
    local, _, domain = text.rpartition("@")
    return len(text) <= EMAIL_CHARS and LOCAL.fullmatch(local) is not None and is_domain(domain)


@lru_cache(maxsize=10_000)
def is_domain(text: str) -> bool:
    return DOMAIN.fullmatch(text) is not None


@dataclass(frozen=True, slots=True)
class Written:
    """`code` 0: accepted. `effect`: what became different, as in the journal; "" when nothing did."""

    code: int = 0
    existed: bool = False
    effect: str = ""


CREATED = Written(effect=ADDED)
UNCHANGED = Written(existed=True)


@dataclass(slots=True)
class Writer:
    """Adds people to one list. `imported`: an import, not a single add."""

    core: Core
    list: List
    resubscribe: bool
    imported: bool
    client: Client = field(init=False)
    now: float = field(init=False)
    strict: bool = field(init=False)
    suppressed: Container[str] = field(init=False)
    lookup: dict[str, Field] = field(init=False)

    def __post_init__(self) -> None:
        self.client = self.core.client_of(self.list)
        self.now = self.core.now()
        self.lookup = self.core.lookup(self.list)
        self.suppressed = self.client.suppressed if self.list.honours_suppression else ()
        knobs = self.core.knobs
        self.strict = knobs.text_overflow == "error810" or knobs.bad_value == "error"

    def check(self, address: str, person: Person, found: Subscriber | None) -> int:
        """0, or the code with which the person is refused. Changes nothing."""
        if found is None and not is_email(address):
            return 1
        if person.tracking not in CONSENTS and (person.tracking or "").lower() not in CONSENTS:
            return 215 if person.tracking else 214
        if person.mobile and not MOBILE.fullmatch(person.mobile):
            return 220
        if person.sms is not None and person.sms.lower() not in CONSENTS:
            return 215
        if self.strict and person.values:
            problem = first_problem(person.values, self.lookup, plain_key, self.core.knobs)
            if problem:
                return problem
        return 0 if self.resubscribe else self.opted_out(address, found)

    def opted_out(self, address: str, found: Subscriber | None) -> int:
        """Why a person may not be added without Resubscribe: 204 to 208, or 0."""
        if address in self.suppressed and (found is not None or self.core.knobs.suppress_blocks_new):
            return 204
        return 0 if found is None or found.state is ACTIVE else INACTIVE[found.state]

    def write(self, address: str, person: Person) -> Written:
        """Add or update one person; `address` is in lower case."""
        found = self.list.subscribers.get(address)
        code = self.check(address, person, found)
        if code:
            return Written(code)
        if found is None:
            return self.create(address, person)
        came_back = self.reactivate(address, found) if self.resubscribe else False
        changed = self.update(address, found, person)
        if not came_back and not changed:
            return UNCHANGED
        return Written(existed=True, effect=entry(REACTIVATED if came_back else UPDATED, found))

    def create(self, address: str, person: Person) -> Written:
        unconfirmed = self.list.confirmed_opt_in and not (
            self.imported and self.core.knobs.import_coi_state == ACTIVE
        )
        added = Subscriber(
            email=(person.email or "").strip(),
            name=person.name or "",
            state=UNCONFIRMED if unconfirmed else ACTIVE,
            changed=self.now,
            joined=self.now,
            edited=self.now,
            fields={},
            mobile=person.mobile or "",
        )
        self.list.subscribers[address] = added
        self.client.tracking.setdefault(address, "Yes")  # Unchanged on a new person is tracked
        if self.resubscribe:
            self.unsuppress(address)
        self.update(address, added, person)
        return CREATED

    def update(self, address: str, found: Subscriber, person: Person) -> bool:
        """Write what was sent; True when anything changed. An empty name changes nothing."""
        changed = False
        if person.name and person.name != found.name:
            found.name = person.name
            changed = True
        if person.values:
            changed |= set_values(found.fields, person.values, self.lookup, plain_key)
        if person.mobile is not None and person.mobile != found.mobile:
            found.mobile = person.mobile
            changed = True
        if person.sms is not None:
            changed |= self.set_sms(found, person.sms)
        if person.tracking is not None and person.tracking != "Unchanged":
            changed |= self.set_tracking(address, person.tracking)
        if changed:
            found.edited = self.now
        return changed

    def set_sms(self, found: Subscriber, asked: str) -> bool:
        consent = CONSENTS[asked.lower()]
        if consent in ("", found.sms):
            return False
        found.sms = consent
        return True

    def set_tracking(self, address: str, asked: str) -> bool:
        """For everybody with this address in the whole client."""
        consent = CONSENTS.get(asked) if asked in CONSENTS else CONSENTS.get(asked.lower(), "")
        if not consent or self.client.tracking.get(address) == consent:
            return False
        self.client.tracking[address] = consent
        return True

    def reactivate(self, address: str, found: Subscriber) -> bool:
        """Resubscribe: true, also against an opt-out. Unconfirmed stays so on a confirmed-opt-in list."""
        cleared = self.unsuppress(address)
        if found.state is State.ACTIVE:
            return cleared
        confirms = self.list.confirmed_opt_in and (
            found.state is State.UNCONFIRMED
            or not self.imported
            or self.core.knobs.import_coi_state != State.ACTIVE
        )
        state = State.UNCONFIRMED if confirms else State.ACTIVE
        if state is found.state:
            return cleared
        set_state(found, state, self.now)
        return True

    def unsuppress(self, address: str) -> bool:
        if not self.core.knobs.resub_clears_suppression:
            return False
        return self.client.suppressed.pop(address, None) is not None


def entry(event: str, person: Subscriber) -> str:
    """An entry of the journal, with all that the list now holds of the person."""
    held = (person.name, person.state, person.mobile, sorted(person.fields.items()))
    return f"{event}:{hash(repr(held)) & 0xFFFFFFFF:08x}"


def set_state(found: Subscriber, state: State, now: float) -> None:
    found.state = state
    found.changed = found.edited = now


def suppress(client: Client, email: str, reason: str, now: float) -> bool:
    """False when the address was on the client's suppression list already."""
    if email.lower() in client.suppressed:
        return False
    client.suppressed[email.lower()] = Suppressed(email, reason, now)
    return True


def unsubscribe(core: Core, lst: List, address: str) -> bool:
    """On a list of AllClientLists: from all the client's lists, and onto its suppression list.

    True when anything changed.
    """
    client, now = core.client_of(lst), core.now()
    changed = False
    for other in core.lists_of(client) if lst.honours_suppression else [lst]:
        found = other.subscribers.get(address)
        if found is not None and found.state in (State.ACTIVE, State.UNCONFIRMED):
            set_state(found, State.UNSUBSCRIBED, now)
            core.changed(other)
            changed = True
    if lst.honours_suppression:
        changed |= suppress(client, lst.subscribers[address].email, "Unsubscribed", now)
    core.changed(lst)
    return changed
