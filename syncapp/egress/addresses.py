"""Which numbers are a place in the public internet. Pure.

`ipaddress` alone does not answer that: `is_private` misses shared address space, multicast and the forms that carry an
IPv4 address inside an IPv6 one, and what it says differs between versions of Python. So the allowed is what remains of
the global unicast space after IANA's registries of special-purpose addresses and the clouds' metadata services.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

Address = IPv4Address | IPv6Address

FORBIDDEN_V4 = tuple(
    IPv4Network(network)
    for network in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",
        "100.64.0.0/10",  # shared by carriers (RFC 6598); Alibaba's metadata
        "127.0.0.0/8",
        "168.63.129.16/32",  # Azure's host, though it looks public
        "169.254.0.0/16",  # link-local; most clouds' metadata
        "172.16.0.0/12",
        "192.0.0.0/24",  # protocol assignments; Oracle's metadata
        "192.0.2.0/24",
        "192.31.196.0/24",  # AS112
        "192.52.193.0/24",  # AMT
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",
        "192.175.48.0/24",  # AS112
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, broadcast
    )
)
GLOBAL_V6 = IPv6Network("2000::/3")  # outside of it: loopback, mapped, compatible, NAT64, local, multicast
FORBIDDEN_V6 = tuple(
    IPv6Network(network)
    for network in (
        "2001::/23",  # protocol assignments: Teredo, benchmarks, ORCHID
        "2001:db8::/32",
        "2002::/16",  # 6to4
        "2620:4f:8000::/48",  # AS112
        "3fff::/20",  # documentation
    )
)


def is_public(address: str) -> bool:
    """Is this a global unicast address? `address` as `getaddrinfo` or a connected socket gives it."""
    try:
        found = ip_address(address)
    except ValueError:  # also an IPv6 address in a form nobody should use
        return False
    if isinstance(found, IPv4Address):
        return found.is_global and not any(found in network for network in FORBIDDEN_V4)
    if found.scope_id is not None or found not in GLOBAL_V6:
        return False
    return found.is_global and not any(found in network for network in FORBIDDEN_V6)


def is_loopback(address: str) -> bool:
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return False
