"""From a connection's rows to the ESP library: credentials, address, pace, recording."""

from __future__ import annotations

from django.conf import settings

from connectors.esp import registry
from connectors.esp.contract import Connector
from connectors.esp.exchange import Record
from connectors.esp.pace import Pace
from connectors.models import Authorization, Connection
from connectors.pace import budget
from connectors.pace.breaker import Subject
from connectors.pace.budget import Account
from connectors.pace.pacer import Pacer
from connectors.pace.visitor import Visitor


def base_url(authorization: Authorization) -> str:
    """Where this authorization's ESP is: its own host, else the environment's, else ("") the connector's."""
    return authorization.base_url or settings.ESP_BASE_URLS.get(authorization.connector, "")


def connect(
    authorization: Authorization,
    use: Connection | None = None,
    record: Record | None = None,
    pace: Pace | None = None,
) -> Connector:
    """A connector ready for use; no call is made yet. Close it after use.

    Its calls go at the pace of the ESP account, which all workers and hosts share; `pace` when one is at hand.
    """
    values = dict(authorization.secrets)
    if use is not None:
        values.update({name: str(value) for name, value in use.settings.items()})
        values["client_id"] = use.client_id
    return registry.connect(
        authorization.connector,
        values,
        base_url=base_url(authorization),
        record=record,
        pace=pace or pacer_of(authorization),
    )


def pacer_of(authorization: Authorization) -> Pacer:
    """For deliveries and other work in the background."""
    return Pacer(account_of(authorization), subject_of(authorization))


def visitor_of(authorization: Authorization) -> Visitor:
    """For a question that a person at a page waits for."""
    return Visitor(account_of(authorization), subject_of(authorization))


def key_of(authorization: Authorization) -> bytes:
    spec = registry.get(authorization.connector).spec
    return budget.key_of(spec.key, base_url(authorization) or spec.base_url, authorization.secrets)


def account_of(authorization: Authorization) -> Account:
    spec = registry.get(authorization.connector).spec
    return budget.account_of(spec, key_of(authorization), authorization.calls_per_minute)


def subject_of(authorization: Authorization) -> Subject:
    return Subject(authorization.account_id, authorization.pk, key_of(authorization))
