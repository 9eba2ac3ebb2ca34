"""The migration operation for event tables."""

from __future__ import annotations

from typing import Any

from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState
from psycopg import sql

from syncapp.database.operations import POLICY


class IsolateEvents(Operation):
    """Close event tables off per account, and take from the application's role the right to change
    events.
    """

    reversible = False
    reduces_to_sql = True

    def __init__(self, *models: str) -> None:
        self.models = models

    def deconstruct(self) -> tuple[str, list[Any], dict[str, Any]]:
        return (self.__class__.__name__, list(self.models), {})

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        """The state knows nothing of policies."""

    def database_forwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        for name in self.models:
            model = to_state.apps.get_model(app_label, name)
            table = model._meta.db_table
            if any(field.column == "account_id" for field in model._meta.local_fields):
                schema_editor.execute(f'ALTER TABLE "{table}" ENABLE ROW LEVEL SECURITY')
                schema_editor.execute(f'ALTER TABLE "{table}" FORCE ROW LEVEL SECURITY')
                schema_editor.execute(POLICY.format(table=f'"{table}"'))
            keep_append_only(schema_editor.connection, table)

    def database_backwards(self, *args: Any) -> None:
        raise NotImplementedError("Isolation is not taken back.")

    def describe(self) -> str:
        return f"Isolate events per account: {', '.join(self.models)}"


def keep_append_only(connection: Any, table: str) -> None:
    """Besides the trigger, which a table's owner could drop.

    No-op where one role owns and uses the tables.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user")
        if cursor.fetchone()[0] == connection.app_user:
            return
        cursor.execute(
            sql.SQL("REVOKE UPDATE, DELETE ON {} FROM {}").format(
                sql.Identifier(table), sql.Identifier(connection.app_user)
            )
        )
