"""What the conformance suite needs to know of each simulator: one stage per connector."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from connectors.esp.contract import FieldType, State
from connectors.simulators import Running


@dataclass(frozen=True)
class Ground:
    """What was laid in the simulator: one client with one list of a text, a number and a many-of field."""

    client_id: str
    list_id: str


@dataclass(frozen=True)
class Stage:
    """``operations``: our verb → the simulator's name for the request. ``standing``: state → an address of
    the list in that state. ``lay`` puts it all in an empty simulator.
    """

    settings: Mapping[str, str]
    wrong_settings: Mapping[str, str]
    operations: Mapping[str, str]
    client_name: str
    list_name: str
    fields: Mapping[FieldType, str]
    options: tuple[str, ...]
    refused_address: str
    standing: Mapping[State, str]
    lay: Callable[[Running], Ground]


CAMPAIGN_MONITOR_SEED: dict[str, Any] = {
    "clients": [
        {
            "name": "Ann’s Bicycles",
            "lists": [
                {
                    "title": "News",
                    "fields": [
                        {"name": "City"},
                        {"name": "Bicycles owned", "type": "Number"},
                        {
                            "name": "Interests",
                            "type": "MultiSelectMany",
                            "options": ["Racing", "Touring", "Repair"],
                        },
                    ],
                    "subscribers": [
                        {"email": f"{state.lower()}@example.com", "name": state, "state": state}
                        for state in ("Active", "Unconfirmed", "Unsubscribed", "Bounced", "Deleted")
                    ],
                }
            ],
            "suppressed": [{"email": "suppressed@example.com"}],
        }
    ]
}


def lay_campaign_monitor(simulator: Running) -> Ground:
    (client,) = simulator.seed(CAMPAIGN_MONITOR_SEED)["clients"]
    return Ground(client["id"], client["lists"][0]["id"])


STAGES: dict[str, Stage] = {
    "campaign_monitor": Stage(
        settings={"api_key": "demo-account-key"},
        wrong_settings={"api_key": "somebody-elses-key"},
        operations={
            "check_credentials": "account.systemdate",
            "clients": "clients.list",
            "client": "clients.details",
            "lists": "clients.lists",
            "list_details": "lists.details",
            "fields": "fields.list",
            "create_field": "fields.create",
            "upsert": "subscribers.import",
            "unsubscribe": "subscribers.unsubscribe",
            "remove": "subscribers.delete",
            "subscriber": "subscribers.details",
            "rename": "subscribers.update",
            "read_list": "lists.active",
            "suppressions": "clients.suppressionlist",
        },
        client_name="Ann’s Bicycles",
        list_name="News",
        fields={
            FieldType.TEXT: "City",
            FieldType.NUMBER: "Bicycles owned",
            FieldType.MANY_OF: "Interests",
        },
        options=("Racing", "Touring", "Repair"),
        refused_address="no address at all",
        standing={
            State.ACTIVE: "active@example.com",
            State.UNCONFIRMED: "unconfirmed@example.com",
            State.UNSUBSCRIBED: "unsubscribed@example.com",
            State.BOUNCED: "bounced@example.com",
            State.REMOVED: "deleted@example.com",
            State.SUPPRESSED: "suppressed@example.com",
        },
        lay=lay_campaign_monitor,
    ),
}
