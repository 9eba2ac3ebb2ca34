"""The connectors there are: one line each."""

from collections.abc import Mapping

from connectors.esp.campaign_monitor import CampaignMonitor
from connectors.esp.contract import Connector
from connectors.esp.exchange import Record
from connectors.esp.pace import Pace

CONNECTORS: tuple[type[Connector], ...] = (CampaignMonitor,)

_BY_KEY = {connector.spec.key: connector for connector in CONNECTORS}


class UnknownConnector(LookupError):
    """No connector has this key."""


def get(key: str) -> type[Connector]:
    """The connector's class. Raises UnknownConnector."""
    try:
        return _BY_KEY[key]
    except KeyError:
        raise UnknownConnector(f"There is no connector “{key}”.") from None


def choices() -> list[tuple[str, str]]:
    """(key, label) of every connector, for a form."""
    return [(connector.spec.key, connector.spec.label) for connector in CONNECTORS]


def connect(
    key: str,
    settings: Mapping[str, str],
    *,
    base_url: str = "",
    record: Record | None = None,
    pace: Pace | None = None,
) -> Connector:
    """A connector ready for use. No call is made yet. ``base_url`` "" is the ESP's own address."""
    return get(key)(settings, base_url=base_url, record=record, pace=pace)
