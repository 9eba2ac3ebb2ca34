"""The account's and the clients' endpoints."""

from __future__ import annotations

from typing import Any

from .asking import Ask
from .binding import Addresses, bind
from .core import local
from .errors import Refused
from .paging import envelope, page_of
from .state import Suppressed
from .writing import is_email, suppress


def system_date(ask: Ask) -> dict[str, str]:
    zones = [client.time_zone for client in ask.core.world.clients.values()]
    return {"SystemDate": local(ask.core.now(), zones[0] if zones else "")}


def list_clients(ask: Ask) -> list[dict[str, str]]:
    """A client's own key sees that client only."""
    found = ask.core.world.clients.values()
    seen = [client for client in found if ask.visible is None or client.id in ask.visible]
    return [{"ClientID": client.id, "Name": client.name} for client in seen]


def billing(ask: Ask) -> dict[str, int]:
    if not ask.core.knobs.agency:
        raise Refused(403)
    return {"Credits": 3021}


def details(ask: Ask) -> dict[str, Any]:
    """Holds the client's key, as the real one does."""
    return {
        "ApiKey": ask.client.api_key,
        "BasicDetails": {
            "ClientID": ask.client.id,
            "CompanyName": ask.client.name,
            "Country": ask.client.country,
            "TimeZone": ask.client.time_zone,
        },
        "BillingDetails": {
            "CanPurchaseCredits": True,
            "Credits": 500,
            "ClientPays": True,
            "BaseRatePerRecipient": 1.0,
            "MarkupPerRecipient": 0.0,
            "MarkupOnDelivery": 0.0,
            "BaseDeliveryRate": 5.0,
            "Currency": "EUR",
            "BaseDesignSpamTestRate": 5.0,
        },
    }


def list_lists(ask: Ask) -> list[dict[str, str]]:
    return [{"ListID": lst.id, "Name": lst.title} for lst in ask.core.lists_of(ask.client)]


def lists_for_email(ask: Ask) -> list[dict[str, str]]:
    address = ask.request.query.get("email", "").strip().lower()
    if not is_email(address):
        raise Refused(1)
    found = [
        (lst, lst.subscribers[address]) for lst in ask.core.lists_of(ask.client) if address in lst.subscribers
    ]
    return [
        {
            "ListID": lst.id,
            "ListName": lst.title,
            "SubscriberState": person.state.value,
            "DateSubscriberAdded": local(person.joined, ask.client.time_zone),
        }
        for lst, person in found
    ]


def no_segments(ask: Ask) -> list[Any]:
    return []


def suppression_list(ask: Ask) -> dict[str, Any]:
    page = page_of(ask, ["email", "date"])
    by_date = page.order == "date"
    rows = sorted(
        ask.client.suppressed.values(),
        key=lambda row: (row.date if by_date else 0.0, row.email.lower()),
        reverse=page.descending,
    )
    return envelope(page, rows, lambda row: shown(row, ask.client.time_zone))


def shown(row: Suppressed, zone: str) -> dict[str, str]:
    return {
        "SuppressionReason": row.reason,
        "EmailAddress": row.email,
        "Date": local(row.date, zone),
        "State": "Suppressed",
    }


def suppress_people(ask: Ask) -> None:
    """{"EmailAddresses": [...]}; who is on the list already stays so. Lists keep their people's states."""
    emails = [email.strip() for email in bind(ask.body, Addresses, "suppressionList").emails or []]
    tally = ask.request.tally
    tally.rows = len(emails)
    if not emails or not all(is_email(email) for email in emails):
        raise Refused(1)
    now = ask.core.now()
    tally.effects = sum(suppress(ask.client, email, "Unsubscribed", now) for email in emails)
    tally.accepted = len(emails)
    ask.core.changed()


def unsuppress(ask: Ask) -> None:
    address = ask.request.query.get("email", "").strip().lower()
    ask.request.tally.rows = 1
    if ask.client.suppressed.pop(address, None) is None:
        raise Refused(176)
    ask.request.tally.accepted = ask.request.tally.effects = 1
    ask.core.changed()
