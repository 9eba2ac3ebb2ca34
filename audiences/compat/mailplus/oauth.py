"""OAuth 1.0a as clients of Mail+ use it: HMAC-SHA1, a consumer key and secret, no token (RFC 5849). Pure functions.

Signed are the method, the address and the parameters of the query and of the Authorization header. A JSON or XML
body is not signed, except by clients that send `oauth_body_hash`.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import parse_qsl, quote, unquote, urlsplit

METHOD = "HMAC-SHA1"
NONCE_CHARS = 255
MOST_PARAMETERS = 100
PART = re.compile(r'\s*([^\s=",]+)="([^"]*)"\s*(?:,|$)')
PREFIX = "oauth_"
KNOWN = frozenset(
    PREFIX + name
    for name in (
        "consumer_key",
        "nonce",
        "signature",
        "signature_method",
        "timestamp",
        "token",
        "version",
        "body_hash",
    )
)

Pairs = list[tuple[str, str]]


class Malformed(ValueError):
    """The call is not signed as it must be; the text says what is wrong and repeats nothing secret."""


@dataclass(frozen=True, slots=True)
class Signed:
    """What a call says of its signature. `parameters`: everything that was signed."""

    consumer_key: str
    nonce: str
    timestamp_s: int
    signature: str
    parameters: tuple[tuple[str, str], ...]
    body_hash: str | None = None


def encode(value: str) -> str:
    """Percent-encoding of RFC 5849: all but letters, digits, `-`, `.`, `_` and `~`."""
    return quote(value, safe="~")


def base_string(method: str, url: str, parameters: Iterable[tuple[str, str]]) -> str:
    """`url` is without its query, its path encoded as it was sent; it is encoded once more here."""
    encoded = sorted((encode(name), encode(value)) for name, value in parameters)
    joined = "&".join(f"{name}={value}" for name, value in encoded)
    return "&".join((method.upper(), encode(url), encode(joined)))


def sign(method: str, url: str, parameters: Iterable[tuple[str, str]], secret: str) -> str:
    key = f"{encode(secret)}&".encode()
    digest = hmac.digest(key, base_string(method, url, parameters).encode(), "sha1")
    return base64.b64encode(digest).decode()


def is_signed(signed: Signed, method: str, urls: Iterable[str], secrets: Iterable[str]) -> bool:
    """Whether one of the secrets made the signature, over one of the spellings of the address."""
    shown = signed.signature.encode()
    keys = tuple(secrets)
    tried = [
        hmac.compare_digest(sign(method, url, signed.parameters, secret).encode(), shown)
        for url in urls
        for secret in keys
    ]
    return any(tried)


def hash_body(body: bytes) -> str:
    return base64.b64encode(hashlib.sha1(body, usedforsecurity=False).digest()).decode()


def to_url(scheme: str, host: str, path: str) -> str:
    """The address as it is signed: scheme and host in small letters, no default port."""
    parts = urlsplit(f"{scheme}://{host}".lower())
    port = "" if parts.port in (None, {"http": 80, "https": 443}.get(scheme.lower())) else f":{parts.port}"
    name = parts.hostname or ""
    return f"{scheme.lower()}://{f'[{name}]' if ':' in name else name}{port}{path}"


def read(header: str, query: str) -> Signed:
    """From the Authorization header, or from the query where there is none. Raises Malformed."""
    asked = read_query(query)
    scheme, _, rest = header.strip().partition(" ")
    if scheme.lower() == "oauth":
        own = read_header(rest)
    else:
        own, asked = split(asked)
    return to_signed(own, asked)


def read_query(query: str) -> Pairs:
    try:
        return parse_qsl(query, keep_blank_values=True, errors="strict", max_num_fields=MOST_PARAMETERS)
    except ValueError as error:  # also UnicodeDecodeError
        raise Malformed("The query of the address cannot be read.") from error


def read_header(text: str) -> Pairs:
    """`realm` is not signed."""
    found: Pairs = []
    at = 0
    while at < len(text):
        part = PART.match(text, at)
        if part is None or len(found) >= MOST_PARAMETERS:
            raise Malformed(
                'The Authorization header must read: OAuth oauth_consumer_key="…", oauth_nonce="…", …'
            )
        found.append((unquote(part[1]), unquote(part[2])))
        at = part.end()
    return [(name, value) for name, value in found if name.lower() != "realm"]


def split(asked: Pairs) -> tuple[Pairs, Pairs]:
    """(what is OAuth's, what is the call's)"""
    own = [pair for pair in asked if pair[0] in KNOWN]
    return own, [pair for pair in asked if pair[0] not in KNOWN]


def to_signed(own: Pairs, asked: Pairs) -> Signed:
    given = dict(own)
    if len(given) != len(own) or any(name in KNOWN for name, _ in asked):
        raise Malformed("A parameter of OAuth is given twice.")
    for name in ("consumer_key", "nonce", "timestamp", "signature", "signature_method"):
        if given.get(PREFIX + name, "") == "":
            raise Malformed(f"Sign the call with OAuth 1.0a: {PREFIX}{name} is missing.")
    check_constants(given)
    timestamp, nonce = given["oauth_timestamp"], given["oauth_nonce"]
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12):
        raise Malformed("oauth_timestamp must be whole seconds since 1970.")
    if "\x00" in given["oauth_consumer_key"]:
        raise Malformed("oauth_consumer_key holds a character that no key has.")
    if len(nonce) > NONCE_CHARS:
        raise Malformed(f"oauth_nonce may have {NONCE_CHARS} characters.")
    return Signed(
        consumer_key=given["oauth_consumer_key"],
        nonce=nonce,
        timestamp_s=int(timestamp),
        signature=given["oauth_signature"],
        parameters=tuple(pair for pair in (*own, *asked) if pair[0] != "oauth_signature"),
        body_hash=given.get("oauth_body_hash"),
    )


def check_constants(given: dict[str, str]) -> None:
    if given["oauth_signature_method"] != METHOD:
        raise Malformed(f"oauth_signature_method must be {METHOD}.")
    if given.get("oauth_version", "1.0") != "1.0":
        raise Malformed("oauth_version must be 1.0.")
    if given.get("oauth_token", "") != "":
        raise Malformed("There are no tokens here: sign with the consumer key and its secret alone.")
