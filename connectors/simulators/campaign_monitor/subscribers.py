"""The endpoints under /subscribers/ that concern one person."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import Any

from ..counters import DELETED, REACTIVATED, RENAMED, RENAMED_AWAY, UNSUBSCRIBED, UPDATED
from .asking import Ask, Created
from .binding import Address, Single, bind
from .core import Core, local
from .errors import Refused
from .state import List, PendingAdd, State, Subscriber
from .writing import Writer, entry, is_email, set_state, unsubscribe

THROTTLE_WRITES, THROTTLE_S = 5, 10.0
THROTTLED = "Subscriber was added too many times too quickly, try again later."


def add(ask: Ask) -> Created:
    """Add or update one. Checked at once, visible after the knob's `add_delay_ms`."""
    asked = bind(ask.body, Single, "subscriber")
    email = (asked.email or "").strip()
    throttle(ask.core, email.lower())
    if ask.core.knobs.add_delay_ms > 0:
        hold(ask, asked, email)
    else:
        write_one(ask, email.lower(), lambda: apply_add(ask.core, ask.list, asked))
    return Created(email)


def apply_add(core: Core, lst: List, asked: Single) -> str:
    """What changed, as in the journal. Raises Refused."""
    written = Writer(core, lst, asked.resubscribe is True, imported=False).write(
        (asked.email or "").strip().lower(), asked
    )
    if written.code:
        raise Refused(written.code)
    return written.effect


def hold(ask: Ask, asked: Single, email: str) -> None:
    writer = Writer(ask.core, ask.list, asked.resubscribe is True, imported=False)
    code = writer.check(email.lower(), asked, ask.list.subscribers.get(email.lower()))
    if code:
        raise Refused(code)
    ask.request.tally.rows = ask.request.tally.accepted = 1
    due = time.time() + ask.core.knobs.add_delay_ms / 1000
    ask.core.world.pending.append(PendingAdd(due, ask.list.id, ask.body))
    ask.core.changed()


def apply_due(core: Core) -> None:
    """Let the held adds take effect whose time has come; one that is refused by now is dropped."""
    now = time.time()
    due = [held for held in core.world.pending if held.due <= now]
    if not due:
        return
    core.world.pending = [held for held in core.world.pending if held.due > now]
    for held in due:
        lst = core.world.lists.get(held.list_id)
        if lst is None:
            continue
        asked = bind(held.body, Single, "subscriber")
        try:
            effect = apply_add(core, lst, asked)
        except Refused:
            continue
        address = (asked.email or "").strip().lower()
        core.ledger.receive(lst.id, address)
        if effect:
            core.ledger.note(lst.id, address, effect)
        core.changed(lst)


def update(ask: Ask) -> None:
    """?email= selects, the body's EmailAddress renames. Never creates."""
    asked = bind(ask.body, Single, "subscriber")
    old = wanted(ask)
    throttle(ask.core, old)
    write_one(ask, old, lambda: apply_update(ask, asked, old))


def apply_update(ask: Ask, asked: Single, old: str) -> str:
    found = present(ask.list, old)
    new = (asked.email or "").strip()
    if not is_email(new):
        raise Refused(211)
    if new.lower() != old and new.lower() in ask.list.subscribers:
        raise Refused(201)
    writer = Writer(ask.core, ask.list, resubscribe=True, imported=False)  # inactive people may be updated
    code = writer.check(old, asked, found)
    if code:
        raise Refused(code)
    came_back = writer.reactivate(old, found) if asked.resubscribe else False
    is_renamed = new != found.email
    if is_renamed:
        ask.list.subscribers[new.lower()] = ask.list.subscribers.pop(old)
        found.email = new
    changed = writer.update(new.lower(), found, asked)
    if is_renamed and new.lower() != old:
        ask.core.ledger.note(ask.list.id, new.lower(), entry(RENAMED, found))
        return f"{RENAMED_AWAY}:{new.lower()}"
    if is_renamed:
        return f"{RENAMED}:{new}"
    if came_back:
        return entry(REACTIVATED, found)
    return entry(UPDATED, found) if changed else ""


def unsubscribe_one(ask: Ask) -> None:
    address = (bind(ask.body, Address, "subscriber").email or "").strip().lower()
    if not is_email(address):
        raise Refused(1)
    write_one(ask, address, lambda: apply_unsubscribe(ask, address))


def apply_unsubscribe(ask: Ask, address: str) -> str:
    found = present(ask.list, address)
    if found.state is State.UNSUBSCRIBED and ask.core.knobs.repeat_unsubscribe == 203:
        raise Refused(203)
    return entry(UNSUBSCRIBED, found) if unsubscribe(ask.core, ask.list, address) else ""


def delete(ask: Ask) -> None:
    """To state Deleted: still readable, never suppressed."""
    address = wanted(ask)
    write_one(ask, address, lambda: apply_delete(ask, address))


def apply_delete(ask: Ask, address: str) -> str:
    found = present(ask.list, address)
    if found.state is State.DELETED:
        if ask.core.knobs.repeat_delete == 203:
            raise Refused(203)
        return ""
    set_state(found, State.DELETED, ask.core.now())
    return entry(DELETED, found)


def write_one(ask: Ask, address: str, apply: Callable[[], str]) -> None:
    """Run one person's write and count it, also when it is refused. `apply` tells what changed, "" for nothing."""
    tally = ask.request.tally
    tally.rows = 1
    ask.core.ledger.receive(ask.list.id, address)
    try:
        if address in ask.request.refusals:
            raise Refused(ask.request.refusals[address])
        effect = apply()
    except Refused:
        tally.refused = 1
        raise
    tally.accepted = 1
    if effect:
        tally.effects = 1
        ask.core.ledger.note(ask.list.id, address, effect)
        ask.core.changed(ask.list)


def throttle(core: Core, address: str) -> None:
    """The undocumented limit: 429 for one address written too often, on whatever list."""
    if not core.knobs.subscriber_throttle:
        return
    now = time.monotonic()
    times: deque[float] = core.recent_writes[address]
    while times and times[0] < now - THROTTLE_S:
        times.popleft()
    if len(times) >= THROTTLE_WRITES:
        raise Refused(429, message=THROTTLED)
    times.append(now)


def details(ask: Ask) -> dict[str, Any]:
    address = wanted(ask)
    return shown(ask, present(ask.list, address), consents=True)


def history(ask: Ask) -> list[Any]:
    present(ask.list, wanted(ask))
    return []  # nothing is ever mailed from here


def wanted(ask: Ask) -> str:
    """The address of ?email=. A raw "+" has become a space by now, as at the real one."""
    address = ask.request.query.get("email", "").strip().lower()
    if not is_email(address):
        raise Refused(1)
    return address


def present(lst: List, address: str) -> Subscriber:
    found = lst.subscribers.get(address)
    if found is None:
        raise Refused(203)
    return found


def shown(ask: Ask, person: Subscriber, *, consents: bool = False) -> dict[str, Any]:
    """A person as in details and listings; `consents`: with the mobile number, when there is one."""
    zone = ask.core.client_of(ask.list).time_zone
    row: dict[str, Any] = {"EmailAddress": person.email, "Name": person.name}
    mobile = person.mobile != "" and (consents or ask.flag("includesmspreference"))
    if mobile:
        row["MobileNumber"] = person.mobile
    row |= {
        "Date": local(person.changed, zone),
        "ListJoinedDate": local(person.joined, zone),
        "State": person.state.value,
        "CustomFields": shown_fields(ask, person),
        "ReadsEmailWith": person.reads_with,
    }
    if ask.flag("includetrackingpreference"):
        row["ConsentToTrack"] = ask.core.client_of(ask.list).tracking.get(person.email.lower(), "")
    if mobile:
        row["ConsentToSendSms"] = person.sms
    return row


def shown_fields(ask: Ask, person: Subscriber) -> list[dict[str, str]]:
    """One entry per value: a multi-select repeats its key. Fields without a value are left out."""
    rows = []
    for field in ask.list.fields:
        stored = person.fields.get(field.key)
        if stored is None:
            continue
        key = field.name if ask.core.knobs.keys == "fieldname" else field.key
        rows += [{"Key": key, "Value": value} for value in ([stored] if isinstance(stored, str) else stored)]
    return rows
