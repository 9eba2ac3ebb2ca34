"""The control calls of this simulator, and what its page shows."""

from __future__ import annotations

from collections import Counter
from typing import Any

import msgspec

from ..exchange import ControlError
from .acts import ACTS, list_of
from .core import Core, Knobs
from .seeding import seed
from .state import List, State, Subscriber


def control(core: Core, method: str, parts: list[str], data: dict[str, Any]) -> Any:
    match [method, *parts]:
        case ["GET", "state"]:
            return msgspec.to_builtins(core.world, str_keys=True)
        case ["POST", "seed"]:
            return seed(core, data)
        case ["GET", "knobs"]:
            return msgspec.to_builtins(core.knobs)
        case ["POST", "knobs"]:
            return set_knobs(core, data)
        case ["GET", "addresses", list_id]:
            return core.ledger.shown(list_id)
        case ["GET", "journals", list_id]:
            return core.ledger.journals(list_id)
        case ["DELETE", "addresses"]:
            core.ledger.clear()
            return {}
        case ["GET", "lists", list_id, "subscribers"]:
            return subscribers(list_of(core, {"list_id": list_id}), data)
        case ["POST", "acts", name] if name in ACTS:
            ACTS[name](core, data)
            return {"done": name}
        case _:
            raise ControlError("No such control call.")


def set_knobs(core: Core, data: dict[str, Any]) -> dict[str, Any]:
    try:
        core.knobs = msgspec.convert(msgspec.to_builtins(core.knobs) | data, Knobs)
    except msgspec.ValidationError as error:
        raise ControlError(f"Not a knob: {error}.") from error
    knobs: dict[str, Any] = msgspec.to_builtins(core.knobs)
    return knobs


class Overview:
    """The clients and lists with their counts; a list is counted again only when it changed."""

    def __init__(self) -> None:
        self._counts: dict[str, tuple[int, dict[str, int]]] = {}

    def shown(self, core: Core) -> dict[str, Any]:
        clients = [
            {
                "id": client.id,
                "name": client.name,
                "notes": [client.time_zone, f"{len(client.suppressed)} suppressed"],
                "lists": [self.shown_list(lst) for lst in core.lists_of(client)],
            }
            for client in core.world.clients.values()
        ]
        return {"clients": clients, "states": [state.value for state in State]}

    def shown_list(self, lst: List) -> dict[str, Any]:
        kind = "Confirmed opt-in" if lst.confirmed_opt_in else "Single opt-in"
        return {
            "id": lst.id,
            "name": lst.title,
            "notes": [kind, lst.unsubscribe_setting, f"{len(lst.fields)} fields"],
            "states": self.counts(lst),
        }

    def counts(self, lst: List) -> dict[str, int]:
        version, counts = self._counts.get(lst.id, (-1, {}))
        if version != lst.version:
            found = Counter(person.state.value for person in lst.subscribers.values())
            counts = {state.value: found[state.value] for state in State}
            self._counts[lst.id] = (lst.version, counts)
        return counts


def subscribers(lst: List, data: dict[str, Any]) -> dict[str, Any]:
    """{"search", "state", "limit"} → {"total", "subscribers": […]}, latest changes first for the page.

    Limit 0 gives all, ordered by address.
    """
    limit = int(data.get("limit") or 50) if str(data.get("limit", "")) != "0" else 0
    search, state = str(data.get("search", "")).lower(), data.get("state") or ""
    found = [
        person
        for address, person in lst.subscribers.items()
        if (state == "" or person.state == state) and (search in address or search in person.name.lower())
    ]
    total = len(found)
    if limit:
        found.sort(key=lambda person: -person.edited)
        found = found[:limit]
    else:
        found.sort(key=lambda person: person.email.lower())
    names = {field.key: field.name for field in lst.fields}
    return {"total": total, "subscribers": [shown(person, names) for person in found]}


def shown(person: Subscriber, names: dict[str, str]) -> dict[str, Any]:
    """Times in seconds since 1970; fields by name."""
    return {
        "email": person.email,
        "name": person.name,
        "state": person.state.value,
        "fields": {names.get(key, key): value for key, value in person.fields.items()},
        "mobile": person.mobile,
        "joined": person.joined,
        "changed": person.changed,
        "edited": person.edited,
    }
