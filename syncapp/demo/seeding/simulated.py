"""What the simulated ESP holds before the first sync: clients, lists with fields, and who is there already."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.request import Request, urlopen

from syncapp.demo.seeding.catalogue import DemoClient, DemoList
from syncapp.demo.seeding.people import DemoPerson

NAME_TARGET = "name"
# Property key, the field's name at the ESP, its type there. The address and the name need no field.
FIELDS = (
    ("city", "City", "Text"),
    ("birthday", "Birthday", "Date"),
    ("interests", "Interests", "MultiSelectMany"),
    ("loyalty_points", "Loyalty points", "Number"),
    ("vip", "VIP", "Text"),
)
CUSTOMER_NUMBER = "Customer number"
THERE_ALREADY = 9  # every so many-th person signed up at the ESP itself
STATES = ("Active", "Active", "Active", "Unsubscribed", "Active", "Bounced", "Active")  # where some left


def field_key(name: str) -> str:
    """As Campaign Monitor makes it: "Loyalty points" → "[Loyaltypoints]"."""
    return f"[{name.replace(' ', '')}]"


def put_into(
    simulator_url: str, people: Mapping[str, Sequence[DemoPerson]], clients: Sequence[DemoClient]
) -> bool:
    """Fill the simulator at this page address, unless it has clients already (kept from an earlier start)."""
    if control(simulator_url, "overview")["clients"]:
        return False
    filled = [to_client(client, people[client.slug]) for client in clients]
    control(simulator_url, "seed", {"clients": filled})
    return True


def to_client(client: DemoClient, people: Sequence[DemoPerson]) -> dict[str, Any]:
    lists = [shown for connection in client.connections for shown in connection.lists]
    return {
        "id": client.esp_id,
        "name": client.name,
        "api_key": client.esp_key,
        "country": client.country,
        "time_zone": client.esp_time_zone,
        "lists": [to_list(client, shown, people) for shown in lists],
    }


def to_list(client: DemoClient, shown: DemoList, people: Sequence[DemoPerson]) -> dict[str, Any]:
    return {
        "id": client.list_id(shown.title),
        "title": shown.title,
        "confirmed_opt_in": shown.confirmed_opt_in,
        "fields": list(to_fields(client)),
        "subscribers": list(to_subscribers(shown, people)),
    }


def to_fields(client: DemoClient) -> Iterator[dict[str, Any]]:
    for _, name, kind in FIELDS:
        options = list(client.interests) if kind == "MultiSelectMany" else []
        yield {"name": name, "type": kind, "options": options}
    yield {"name": CUSTOMER_NUMBER, "type": "Text"}


def to_subscribers(shown: DemoList, people: Sequence[DemoPerson]) -> Iterator[dict[str, Any]]:
    """Some of the list's people, signed up at the ESP itself; it will refuse to take back those who left."""
    members = [person for person in people if person.email and person.audiences.intersection(shown.audiences)]
    for number, person in enumerate(members[::THERE_ALREADY]):
        yield {
            "email": person.email,
            "name": person.name,
            "state": STATES[number % len(STATES)] if shown.has_leavers else "Active",
            "changed": person.joined_at.timestamp(),
        }


def control(simulator_url: str, path: str, data: dict[str, Any] | None = None) -> Any:
    request = Request(  # noqa: S310  our own simulator
        f"{simulator_url}control/{path}",
        data=None if data is None else json.dumps(data).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urlopen(request, timeout=60) as response:  # noqa: S310
        return json.load(response)
