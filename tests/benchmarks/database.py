"""A fresh database for one benchmark, made as the tests make theirs and dropped afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from django.db import connection


@contextmanager
def fresh_database(name: str) -> Iterator[None]:
    """Django's default connection leads to an empty, migrated database inside the block."""
    usual = connection.settings_dict["NAME"]
    connection.settings_dict["TEST"]["NAME"] = f"syncapp_benchmark_{name}"
    connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
    try:
        yield
    finally:
        connection.creation.destroy_test_db(usual, verbosity=0)


@contextmanager
def owner_connection() -> Iterator[psycopg.Connection]:
    """A plain connection of the role that may create tables, to the same database: for raw limits."""
    with connection.as_owner():
        params = connection.get_connection_params()
    for django_only in ("cursor_factory", "context"):
        params.pop(django_only, None)
    with psycopg.connect(**params) as raw:
        yield raw
