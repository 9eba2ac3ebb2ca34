"""Settings from the environment, with a type; what a developer does not set is kept in SYNCAPP_HOME."""

from __future__ import annotations

import base64
import os
import secrets
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

TRUE = {"1", "true", "yes", "on"}
FALSE = {"0", "false", "no", "off", ""}


def text(name: str, default: str = "") -> str:
    return os.environ.get(name, default).strip()


def flag(name: str, default: bool) -> bool:
    value = os.environ.get(name)
    if value is None:
        return default
    if value.strip().lower() in TRUE:
        return True
    if value.strip().lower() in FALSE:
        return False
    raise ImproperlyConfigured(f"{name}={value!r} is neither yes nor no.")


def number(name: str, default: int, least: int = 0) -> int:
    value = os.environ.get(name, "").strip()
    if not value:
        return default
    if not value.isdigit() or int(value) < least:
        raise ImproperlyConfigured(f"{name}={value!r} is not a whole number of at least {least}.")
    return int(value)


def words(name: str, default: str = "") -> list[str]:
    return [word.strip() for word in text(name, default).split(",") if word.strip()]


def pairs(name: str) -> dict[str, str]:
    """`key=value, key=value` as a dict."""
    found = {}
    for word in words(name):
        key, equals, value = word.partition("=")
        if not equals or not key.strip() or not value.strip():
            raise ImproperlyConfigured(f"{name}: “{word}” is not of the form key=value.")
        found[key.strip()] = value.strip()
    return found


def networks(name: str) -> tuple[IPv4Network | IPv6Network, ...]:
    """`198.51.100.7, 2001:db8::/32` as networks."""
    try:
        return tuple(ip_network(word) for word in words(name))
    except ValueError as error:
        raise ImproperlyConfigured(f"{name}: {error}.") from None


def home() -> Path:
    """Where the embedded server and the keys of a developer's machine live; never inside the repository."""
    named = text("SYNCAPP_HOME")
    if named:
        return Path(named).expanduser()
    share = text("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
    return Path(share) / "syncapp"


def kept_secret(file_name: str, size_bytes: int = 32) -> str:
    """A random secret, made once and kept readable by this user only; base64 without line breaks."""
    path = home() / file_name
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except FileExistsError:
        return path.read_text().strip()
    with os.fdopen(handle, "w") as file:
        file.write(base64.b64encode(secrets.token_bytes(size_bytes)).decode())
    return path.read_text().strip()
