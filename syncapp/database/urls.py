"""Reads DATABASE_URL: postgresql://user:password@host:port/name?sslmode=require."""

from typing import TypedDict
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

EXAMPLE = "postgresql://user:password@host:5432/name?sslmode=require"
SCHEMES = ("postgresql", "postgres")
# What may follow the question mark: libpq's parameters that say how to connect, not where or as whom.
OPTIONS = frozenset(
    {
        "application_name",
        "channel_binding",
        "connect_timeout",
        "gssencmode",
        "keepalives",
        "keepalives_count",
        "keepalives_idle",
        "keepalives_interval",
        "options",
        "require_auth",
        "service",
        "sslcert",
        "sslkey",
        "sslmode",
        "sslrootcert",
        "sslsni",
        "target_session_attrs",
        "tcp_user_timeout",
    }
)


class DatabaseUrlError(ImproperlyConfigured):
    """The variable's text is not a database's URL. The message names the variable, never the password."""


class DatabaseParts(TypedDict):
    """The part of Django's DATABASES entry that says where, as whom and how."""

    HOST: str
    PORT: str
    NAME: str
    USER: str
    PASSWORD: str
    OPTIONS: dict[str, str]


def parse(url: str, variable: str = "DATABASE_URL") -> DatabaseParts:
    """The URL's parts, percent-decoded. A host may be a socket's folder, as %2Fvar%2Frun%2Fpostgresql.

    Raises DatabaseUrlError; `variable` is where the text came from.
    """
    parts = _split(url.strip(), variable)
    name = unquote(parts.path.removeprefix("/"))
    if name == "" or "/" in name:
        raise DatabaseUrlError(f"{variable} must end in the database's name, as in {EXAMPLE}.")
    if not parts.hostname:
        raise DatabaseUrlError(f"{variable} names no host; it should look like {EXAMPLE}.")
    if not parts.username:
        raise DatabaseUrlError(f"{variable} names no user; it should look like {EXAMPLE}.")
    return {
        "HOST": unquote(parts.hostname),
        "PORT": "" if parts.port is None else str(parts.port),
        "NAME": name,
        "USER": unquote(parts.username),
        "PASSWORD": unquote(parts.password or ""),
        "OPTIONS": _read_options(parts.query, variable),
    }


def _split(url: str, variable: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        _ = parts.port  # raises when it is no number
    except ValueError:
        raise DatabaseUrlError(
            f"{variable} cannot be read: host or port is malformed. Special characters of a password must be "
            f"percent-encoded. It should look like {EXAMPLE}."
        ) from None  # the cause quotes a piece of the password

    if parts.scheme not in SCHEMES:
        given = f"{parts.scheme}://" if parts.scheme else "no scheme"
        raise DatabaseUrlError(
            f"{variable} has {given}; only postgresql:// works here. It should look like {EXAMPLE}."
        )
    if parts.fragment:
        raise DatabaseUrlError(f"{variable} holds a #. In a password it is written %23.")
    return parts


def _read_options(query: str, variable: str) -> dict[str, str]:
    options = dict(parse_qsl(query, keep_blank_values=True))
    for name in options:
        if name not in OPTIONS:
            raise DatabaseUrlError(
                f"{variable} has the unknown option {name}; known: {', '.join(sorted(OPTIONS))}."
            )
    return options
