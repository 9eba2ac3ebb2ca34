"""Django's DATABASES, from DATABASE_URL or the embedded server."""

from __future__ import annotations

from typing import Any

from syncapp import environment
from syncapp.database.roles import DATABASE

ENGINE = "syncapp.database.backend"


def databases() -> dict[str, dict[str, Any]]:
    """The default database. No server is started and no connection made here."""
    usual: dict[str, Any] = {
        "ENGINE": ENGINE,
        "CONN_MAX_AGE": 600,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {"application_name": "syncapp"},
    }
    address = environment.text("DATABASE_URL")
    if not address:
        return {"default": {**usual, "NAME": DATABASE, "EMBEDDED": True}}
    from syncapp.database.urls import parse

    owner_address = environment.text("DATABASE_OWNER_URL")
    parts = parse(address)
    return {
        "default": {
            **usual,
            **parts,
            "OPTIONS": usual["OPTIONS"] | parts["OPTIONS"],  # the address has the last word
            "OWNER": parse(owner_address, "DATABASE_OWNER_URL") if owner_address else None,
        }
    }
