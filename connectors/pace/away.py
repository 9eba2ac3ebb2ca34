"""When the database is away."""

from __future__ import annotations

from django.db import DatabaseError, InterfaceError, connection

AWAY = (DatabaseError, InterfaceError)


def hang_up() -> None:
    """A broken connection is opened anew by whoever asks next; inside a transaction it is its owner's."""
    if not connection.in_atomic_block:
        connection.close()
