"""Where a call comes from."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from django.conf import settings
from django.http import HttpRequest

from syncapp.accounts.keys import Client
from syncapp.api.problems import Problem

Address = IPv4Address | IPv6Address


def caller_of(request: HttpRequest) -> str:
    """The caller's address, or "" where the server does not know it (a Unix socket).

    X-Forwarded-For is believed as far as proxies named in TRUSTED_PROXIES wrote it: from the right, up to the
    first address that is none of theirs. What stands left of that could be anybody's invention.
    """
    found = to_address(request.META.get("REMOTE_ADDR", ""))
    for written in reversed(request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")):
        forwarded = to_address(written)
        if found is None or not is_trusted(found) or forwarded is None:
            break
        found = forwarded
    return "" if found is None else str(found)


def is_trusted(address: Address) -> bool:
    return any(address in network for network in settings.TRUSTED_PROXIES)


def to_address(written: str) -> Address | None:
    try:
        found = ip_address(written.strip())
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found


def check_network(request: HttpRequest, client: Client) -> None:
    """403 where the key is limited to networks, and the call comes from elsewhere or from nobody knows where."""
    if not client.networks:
        return
    address = to_address(caller_of(request))
    if address is None or not any(address in ip_network(network) for network in client.networks):
        raise Problem("ip_not_allowed", f"This key does not work from {address or 'an unknown address'}.")
