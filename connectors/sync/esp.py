"""From a connection's rows to the ESP library: credentials, address, recording."""

from __future__ import annotations

from django.conf import settings

from connectors.esp import registry
from connectors.esp.contract import Connector
from connectors.esp.exchange import Record
from connectors.models import Authorization, Connection


def base_url(authorization: Authorization) -> str:
    """Where this authorization's ESP is: its own host, else the environment's, else ("") the connector's."""
    return authorization.base_url or settings.ESP_BASE_URLS.get(authorization.connector, "")


def connect(
    authorization: Authorization, use: Connection | None = None, record: Record | None = None
) -> Connector:
    """A connector ready for use; no call is made yet. Close it after use."""
    values = dict(authorization.secrets)
    if use is not None:
        values.update({name: str(value) for name, value in use.settings.items()})
        values["client_id"] = use.client_id
    return registry.connect(authorization.connector, values, base_url=base_url(authorization), record=record)
