"""What people and the ESP itself do, on demand: links clicked, bounces, complaints, edits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..exchange import ControlError
from .binding import Value
from .core import Core, plain_key
from .fields import key_of
from .state import List, State, Subscriber
from .values import set_values
from .writing import set_state, suppress, unsubscribe


def list_of(core: Core, data: dict[str, Any]) -> List:
    lst = core.world.lists.get(str(data.get("list_id", "")).lower())
    if lst is None:
        raise ControlError("No such list.")
    return lst


def person_of(core: Core, data: dict[str, Any]) -> tuple[List, Subscriber]:
    lst = list_of(core, data)
    person = lst.subscribers.get(str(data.get("email", "")).strip().lower())
    if person is None:
        raise ControlError("Nobody with this address is on the list.")
    return lst, person


def click_unsubscribe(core: Core, data: dict[str, Any]) -> None:
    lst, person = person_of(core, data)
    unsubscribe(core, lst, person.email.lower())


def complain(core: Core, data: dict[str, Any]) -> None:
    """A spam complaint: unsubscribed, and suppressed whatever the list's setting."""
    lst, person = person_of(core, data)
    unsubscribe(core, lst, person.email.lower())
    suppress(core.client_of(lst), person.email, "Unsubscribed", core.now())


def bounce(core: Core, data: dict[str, Any]) -> None:
    """A hard bounce: on this list only, and on the suppression list."""
    lst, person = person_of(core, data)
    set_state(person, State.BOUNCED, core.now())
    suppress(core.client_of(lst), person.email, "Bounced", core.now())
    core.changed(lst)


def confirm(core: Core, data: dict[str, Any]) -> None:
    """The link in the confirmation mail."""
    lst, person = person_of(core, data)
    if person.state is not State.UNCONFIRMED:
        raise ControlError("There is nothing to confirm.")
    set_state(person, State.ACTIVE, core.now())
    core.changed(lst)


def delete_person(core: Core, data: dict[str, Any]) -> None:
    lst, person = person_of(core, data)
    set_state(person, State.DELETED, core.now())
    core.changed(lst)


def edit(core: Core, data: dict[str, Any]) -> None:
    """The preference centre: {"name", "fields": {"City": "Ghent", "Interests": ["Herbs"]}}."""
    lst, person = person_of(core, data)
    person.name = str(data.get("name", person.name))
    values = []
    for name, value in dict(data.get("fields") or {}).items():
        options = value if isinstance(value, list) else [value]
        values += [Value(name, str(option), option == "") for option in options or [""]]
    set_values(person.fields, values, core.lookup(lst), plain_key)
    person.edited = core.now()
    core.changed(lst)


def delete_list(core: Core, data: dict[str, Any]) -> None:
    del core.world.lists[list_of(core, data).id]
    core.forget_lookups()
    core.changed()


def rename_field(core: Core, data: dict[str, Any]) -> None:
    """{"list_id", "field": "City", "name": "Town"}: somebody renames a field in the web interface."""
    lst = list_of(core, data)
    field = next((field for field in lst.fields if field.name == data.get("field")), None)
    if field is None:
        raise ControlError("No such field.")
    old, field.name = field.key, str(data["name"])
    field.key = key_of(field.name)
    for person in lst.subscribers.values():
        if old in person.fields:
            person.fields[field.key] = person.fields.pop(old)
    core.forget_lookups()
    core.changed(lst)


def advance_clock(core: Core, data: dict[str, Any]) -> None:
    core.world.clock_offset_s += float(data.get("seconds", 0))
    core.changed()


def set_token(core: Core, data: dict[str, Any]) -> None:
    """{"token", "standing": "valid" | "expired" | "revoked"}."""
    core.world.tokens[str(data["token"])] = str(data["standing"])
    core.changed()


def revoke_key(core: Core, data: dict[str, Any]) -> None:
    """{"api_key"}: it no longer opens anything."""
    core.world.keys.pop(str(data.get("api_key", "")), None)
    core.changed()


ACTS: dict[str, Callable[[Core, dict[str, Any]], None]] = {
    "unsubscribe": click_unsubscribe,
    "complain": complain,
    "bounce": bounce,
    "confirm": confirm,
    "delete": delete_person,
    "edit": edit,
    "delete-list": delete_list,
    "rename-field": rename_field,
    "advance-clock": advance_clock,
    "set-token": set_token,
    "revoke-key": revoke_key,
}
