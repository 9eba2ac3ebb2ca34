"""What a sender may reach."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_address

from django.conf import settings

from syncapp.egress.addresses import is_loopback, is_public

HTTPS_PORT = 443


@dataclass(frozen=True, slots=True)
class Policy:
    """`reaches(address)` has the last word on every connection. `ports` None: any."""

    reaches: Callable[[str], bool] = is_public
    schemes: frozenset[str] = frozenset({"https"})
    ports: frozenset[int] | None = field(default_factory=lambda: frozenset({HTTPS_PORT}))
    numbers: bool = False  # may the URL name a number instead of a name?
    local_names: bool = False  # names without a dot, as localhost


def loopback_too() -> Policy:
    """For tests and the demo, whose receivers run on this machine: any port of it, without TLS."""
    return Policy(
        reaches=lambda address: is_public(address) or is_loopback(address),
        schemes=frozenset({"http", "https"}),
        ports=None,
        numbers=True,
        local_names=True,
    )


def of_settings() -> Policy:
    """As the environment says: SYNCAPP_EGRESS_LOOPBACK, SYNCAPP_EGRESS_DENIED."""
    if settings.EGRESS_LOOPBACK:
        return loopback_too()
    denied = settings.EGRESS_DENIED
    return Policy(reaches=lambda address: is_public(address) and not is_within(address, denied))


def is_within(address: str, networks: tuple[IPv4Network | IPv6Network, ...]) -> bool:
    found = ip_address(address)
    return any(found in network for network in networks if network.version == found.version)
