"""Django's migrate, as the role that owns the tables; the application's role gets the use of them, no more."""

from __future__ import annotations

from typing import Any

from django.core.management.commands import migrate
from django.db import connections
from psycopg import sql


class Command(migrate.Command):
    def handle(self, *args: Any, **options: Any) -> None:
        connection: Any = connections[options["database"]]
        with connection.as_owner():
            grant_use(connection, connection.app_user)
            super().handle(*args, **options)


def grant_use(connection: Any, user: str) -> None:
    """Let `user` read and write what the connected role will create. No-op where they are the same role."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user")
        if cursor.fetchone()[0] == user:
            return
        for what in ("SELECT, INSERT, UPDATE, DELETE ON TABLES", "USAGE, SELECT ON SEQUENCES"):
            cursor.execute(
                sql.SQL("ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT {} TO {}").format(
                    sql.SQL(what), sql.Identifier(user)
                )
            )
