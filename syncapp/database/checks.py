"""Whether the application's role is bound by row-level security. `migrate` and `check --database default` ask."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.core.checks import CheckMessage, Error, Tags, register
from django.db import connections


@register(Tags.database)
def check_application_role(databases: Sequence[str] | None = None, **options: Any) -> list[CheckMessage]:
    found: list[CheckMessage] = []
    for alias in databases or ():
        connection: Any = connections[alias]
        with connection.cursor() as cursor:
            found += problems_of(cursor, connection.app_user)
    return found


def problems_of(cursor: Any, role: str) -> list[CheckMessage]:
    """Empty where policies bind the role; a superuser's or BYPASSRLS role's queries see every client's rows."""
    cursor.execute("SELECT rolsuper, rolbypassrls FROM pg_roles WHERE rolname = %s", [role])
    is_superuser, bypasses = cursor.fetchone()
    if not (is_superuser or bypasses):
        return []
    return [
        Error(
            f"The database role “{role}” {'is a superuser' if is_superuser else 'has BYPASSRLS'}: "
            "row-level security does not bind it.",
            hint=f'ALTER ROLE "{role}" NOSUPERUSER NOBYPASSRLS. Migrations may use another role: '
            "DATABASE_OWNER_URL.",
            id="syncapp.E001",
        )
    ]
