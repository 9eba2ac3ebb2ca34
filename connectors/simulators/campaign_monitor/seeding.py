"""Data put in by a control call, not through the ESP's own endpoints."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from ..exchange import ControlError
from .core import Core
from .fields import SYSTEM_OPTIONS, key_of
from .state import ALL_LISTS, Client, DataType, Field, List, State, Subscriber, Suppressed


class SeedField(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    type: DataType = DataType.TEXT
    options: list[str] = []
    visible: bool = True


class SeedSubscriber(msgspec.Struct, forbid_unknown_fields=True):
    """`fields` by the field's name."""

    email: str
    name: str = ""
    state: State = State.ACTIVE
    fields: dict[str, str | list[str]] = {}
    mobile: str = ""
    changed: float | None = None  # seconds since 1970


class SeedList(msgspec.Struct, forbid_unknown_fields=True):
    title: str
    id: str = ""
    confirmed_opt_in: bool = False
    unsubscribe_setting: str = ALL_LISTS
    fields: list[SeedField] = []
    subscribers: list[SeedSubscriber] = []


class SeedSuppressed(msgspec.Struct, forbid_unknown_fields=True):
    email: str
    reason: str = "Unsubscribed"


class SeedClient(msgspec.Struct, forbid_unknown_fields=True):
    """A client whose `id` exists already gets the lists and suppressions added."""

    name: str = ""
    id: str = ""
    api_key: str = ""
    country: str | None = None
    time_zone: str | None = None
    lists: list[SeedList] = []
    suppressed: list[SeedSuppressed] = []


class Seed(msgspec.Struct, forbid_unknown_fields=True):
    """`keys`: further API keys → ids of the clients they see, None for all. `tokens`: → standing."""

    clients: list[SeedClient] = []
    keys: dict[str, list[str] | None] = {}
    tokens: dict[str, str] = {}


def seed(core: Core, data: Mapping[str, Any]) -> dict[str, Any]:
    """Add it all; gives {"clients": [{"id", "name", "api_key", "lists": [{"id", "title"}]}]}."""
    try:
        wanted = msgspec.convert(dict(data), Seed)
    except msgspec.ValidationError as error:
        raise ControlError(f"Not a seed: {error}.") from error
    made = [seed_client(core, client) for client in wanted.clients]
    core.world.keys |= wanted.keys
    core.world.tokens |= wanted.tokens
    core.forget_lookups()
    core.changed()
    return {"clients": made}


def seed_client(core: Core, wanted: SeedClient) -> dict[str, Any]:
    client = core.world.clients.get(wanted.id)
    if client is None:
        client = Client(
            id=wanted.id or core.mint(), name=wanted.name, api_key=wanted.api_key or core.mint(48)
        )
        core.world.clients[client.id] = client
        core.world.keys[client.api_key] = [client.id]
    client.country = wanted.country or client.country
    client.time_zone = wanted.time_zone or client.time_zone
    for row in wanted.suppressed:
        client.suppressed[row.email.lower()] = Suppressed(row.email, row.reason, core.now())
    lists = [seed_list(core, client, lst) for lst in wanted.lists]
    return {"id": client.id, "name": client.name, "api_key": client.api_key, "lists": lists}


def seed_list(core: Core, client: Client, wanted: SeedList) -> dict[str, str]:
    """A list whose `id` exists already gets the fields and people added."""
    lst = core.world.lists.get(wanted.id)
    if lst is None:
        lst = List(
            id=wanted.id or core.mint(),
            client_id=client.id,
            title=wanted.title,
            confirmed_opt_in=wanted.confirmed_opt_in,
            unsubscribe_setting=wanted.unsubscribe_setting,
        )
        core.world.lists[lst.id] = lst
    lst.fields += [to_field(field) for field in wanted.fields]
    for person in wanted.subscribers:
        lst.subscribers[person.email.lower()] = to_subscriber(core, lst, person)
    core.changed(lst)
    return {"id": lst.id, "title": lst.title}


def to_field(wanted: SeedField) -> Field:
    options = SYSTEM_OPTIONS.get(wanted.type, wanted.options)
    return Field(key_of(wanted.name), wanted.name, wanted.type, list(options), wanted.visible)


def to_subscriber(core: Core, lst: List, wanted: SeedSubscriber) -> Subscriber:
    keys = {field.name: field.key for field in lst.fields}
    unknown = set(wanted.fields) - set(keys)
    if unknown:
        raise ControlError(f"{lst.title} has no field {', '.join(sorted(unknown))}.")
    moment = core.now() if wanted.changed is None else wanted.changed
    return Subscriber(
        email=wanted.email,
        name=wanted.name,
        state=wanted.state,
        changed=moment,
        joined=moment,
        edited=moment,
        fields={keys[name]: value for name, value in wanted.fields.items()},
        mobile=wanted.mobile,
    )
