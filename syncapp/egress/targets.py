"""Reading a URL one way only: what is ambiguous to some parser is refused. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from urllib.parse import urlsplit

import idna

from syncapp.egress.errors import Forbidden
from syncapp.egress.policy import Policy

URL_CHARS = 500
DEFAULT_PORTS = {"https": 443, "http": 80}
PLAIN = re.compile(r"[!-~]+")  # ASCII that can be seen
LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
NUMBER = re.compile(r"0x[0-9a-f]*|[0-9]+")  # a last label like this makes some resolvers read a number
INSIDE = (
    "localhost",
    "local",
    "localdomain",
    "internal",
    "intranet",
    "lan",
    "home",
    "corp",
    "home.arpa",
    "onion",
)


@dataclass(frozen=True, slots=True)
class Target:
    """`host`: a name in ASCII, or a number without brackets. `path` begins with / and has the query."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """As in the Host header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"

    def __str__(self) -> str:
        return f"{self.scheme}://{self.authority}{self.path}"


def parse(url: str, policy: Policy) -> Target:
    """Raises Forbidden in words for who typed the URL."""
    if len(url) > URL_CHARS:
        raise Forbidden(f"The address has more than {URL_CHARS} characters.")
    if re.search(r"[\s\\\x00-\x1f\x7f]", url):
        raise Forbidden("The address holds a space, a backslash or a character that cannot be seen.")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise Forbidden("This is not an address. Example: https://example.com/hooks.") from None
    scheme = parts.scheme.lower()
    if scheme not in policy.schemes:
        raise Forbidden("The address has to begin with https://.")
    if "@" in parts.netloc:
        raise Forbidden("The address must not hold a user name or password.")
    if parts.fragment:
        raise Forbidden("The address must not hold a “#”.")
    port = DEFAULT_PORTS[scheme] if port is None else port
    if policy.ports is not None and port not in policy.ports:
        raise Forbidden(f"Port {port} is not allowed: leave the port out.")
    return Target(scheme, host_of(parts.hostname or "", policy), port, path_of(parts.path, parts.query))


def path_of(path: str, query: str) -> str:
    whole = (path or "/") + (f"?{query}" if query else "")
    if not PLAIN.fullmatch(whole) or not whole.startswith("/"):
        raise Forbidden("What follows the host must be percent-encoded: plain letters, digits and signs.")
    return whole


def host_of(written: str, policy: Policy) -> str:
    """The host in its one form, or Forbidden."""
    host = written.lower()
    if host == "":
        raise Forbidden("The address names no host. Example: https://example.com/hooks.")
    number = number_of(host)
    if number is not None:
        if not policy.numbers or not policy.reaches(number):
            raise Forbidden("Give a host name instead of a number.")
        return number
    name = name_of(host)
    labels = name.split(".")
    if NUMBER.fullmatch(labels[-1]):
        raise Forbidden("The host name ends in a number.")
    if not policy.local_names and (len(labels) < 2 or is_inside(name)):
        raise Forbidden("This is a name inside a network. Give one that the whole internet knows.")
    return name


def number_of(host: str) -> str | None:
    """A dotted quad or an IPv6 address; other ways to write one count as names, and are refused as such."""
    try:
        return str(IPv6Address(host) if ":" in host else IPv4Address(host))
    except AddressValueError:
        if ":" in host or "%" in host:
            raise Forbidden("The number between the brackets is not one.") from None
        return None


def name_of(host: str) -> str:
    """In ASCII (IDNA 2008 after UTS 46), without the dot that may end it."""
    try:
        name = host if host.isascii() else idna.encode(host, uts46=True).decode("ascii").lower()
    except (idna.IDNAError, UnicodeError):
        raise Forbidden("The host name is not one.") from None
    name = name.removesuffix(".")
    if len(name) > 253 or not all(LABEL.fullmatch(label) for label in name.split(".")):
        raise Forbidden("The host name is not one.")
    return name


def is_inside(name: str) -> bool:
    return any(name == zone or name.endswith(f".{zone}") for zone in INSIDE)
