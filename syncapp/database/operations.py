"""Migration operations that put isolation into the schema.

`CreateModels` makes many models without rendering all of them each time. `CreatePartitionedModel` makes a table
partitioned by account; `Isolate` adds, for each named model, the key `(account_id, id)`, composite foreign keys and
the row-level-security policy.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations.base import Operation, OperationCategory
from django.db.migrations.state import ProjectState

from syncapp.accounts.fields import AccountForeignKey
from syncapp.database import references

PARTITIONS = 8

# Read once per statement (InitPlan), not once per row; '' is what remains after a transaction that set it.
POLICY = """
CREATE POLICY account_isolation ON {table}
USING (
    (SELECT current_setting('app.accounts', true)) = '*'
    OR account_id = ANY (
        (SELECT nullif(nullif(current_setting('app.accounts', true), ''), '*')::bigint[])::bigint[]
    )
)
"""


class CreatePartitionedModel(migrations.CreateModel):
    """CreateModel for a table hash-partitioned by `account_id`.

    PostgreSQL wants the partition key in every unique key: the primary key becomes (account_id, id), or the
    model's own composite key, which must begin with the account.
    """

    def database_forwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        model = to_state.apps.get_model(app_label, self.name)
        if not self.allow_migrate_model(schema_editor.connection.alias, model):
            return
        sql, params = schema_editor.table_sql(model)
        table = model._meta.db_table
        if '"id" bigint NOT NULL PRIMARY KEY' in sql:
            sql = sql.replace('"id" bigint NOT NULL PRIMARY KEY', '"id" bigint NOT NULL', 1)
            sql = f'{sql[: sql.rindex(")")]}, PRIMARY KEY ("account_id", "id"))'
        schema_editor.execute(f"{sql} PARTITION BY HASH (account_id)", params)
        for number in range(PARTITIONS):
            schema_editor.execute(
                f'CREATE TABLE "{table}_p{number}" PARTITION OF "{table}" '
                f"FOR VALUES WITH (MODULUS {PARTITIONS}, REMAINDER {number})"
            )
        schema_editor.deferred_sql.extend(schema_editor._model_indexes_sql(model))  # type: ignore[attr-defined]

    def describe(self) -> str:
        return f"Create partitioned model {self.name}"


class Together(Operation):
    """Several operations, with the models rendered once after all of them.

    After each one Django renders all models related to its own again, and ours are all related through the account:
    that took two thirds of migrating an empty database. No operation may need the state another one leaves: what was
    made in a group is altered in a later one.
    """

    reduces_to_sql = True

    def __init__(self, *operations: Operation) -> None:
        self.operations = operations

    def deconstruct(self) -> tuple[str, list[Any], dict[str, Any]]:
        return (self.__class__.__name__, list(self.operations), {})

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        state.__dict__.pop("apps", None)  # rendered anew, all at once, when next asked for
        for operation in self.operations:
            operation.state_forwards(app_label, state)

    def database_forwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        for operation in self.operations:
            operation.database_forwards(app_label, schema_editor, from_state, to_state)

    def database_backwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        for operation in reversed(self.operations):
            operation.database_backwards(app_label, schema_editor, from_state, to_state)

    def describe(self) -> str:
        return "; ".join(operation.describe() for operation in self.operations)


class CreateModels(Together):
    """Several models at once, which may refer to each other; CreateModel and its kin only."""

    category = OperationCategory.ADDITION

    def describe(self) -> str:
        names = (
            operation.name for operation in self.operations if isinstance(operation, migrations.CreateModel)
        )
        return f"Create models {', '.join(names)}"


class Isolate(Operation):
    """Close the tables of these models off per account. Name models before those that refer to them."""

    reversible = False
    reduces_to_sql = True

    def __init__(self, *models: str) -> None:
        self.models = models

    def deconstruct(self) -> tuple[str, list[Any], dict[str, Any]]:
        return (self.__class__.__name__, list(self.models), {})

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        """The state knows nothing of policies and composite keys."""

    def database_forwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        found = [to_state.apps.get_model(app_label, name) for name in self.models]
        for model in found:
            close_off(schema_editor, model)
        for model in found:
            add_composite_keys(schema_editor, model)

    def database_backwards(self, *args: Any) -> None:
        raise NotImplementedError("Isolation is not taken back.")

    def describe(self) -> str:
        return f"Isolate per account: {', '.join(self.models)}"


class Refer(Operation):
    """The composite keys of references that came to a model after it was isolated."""

    reversible = False
    reduces_to_sql = True

    def __init__(self, model: str, *fields: str) -> None:
        self.model = model
        self.fields = fields

    def deconstruct(self) -> tuple[str, list[Any], dict[str, Any]]:
        return (self.__class__.__name__, [self.model, *self.fields], {})

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        """The state knows nothing of composite keys."""

    def database_forwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        add_composite_keys(schema_editor, to_state.apps.get_model(app_label, self.model), self.fields)

    def database_backwards(self, *args: Any) -> None:
        raise NotImplementedError("Isolation is not taken back.")

    def describe(self) -> str:
        return f"References of {self.model} within the account: {', '.join(self.fields)}"


def close_off(schema_editor: BaseDatabaseSchemaEditor, model: type[models.Model]) -> None:
    table = model._meta.db_table
    if not has_key_with_account(schema_editor, table):
        schema_editor.execute(
            f'ALTER TABLE "{table}" ADD CONSTRAINT "{table}_account_id_id" UNIQUE (account_id, id)'
        )
    schema_editor.execute(f'ALTER TABLE "{table}" ENABLE ROW LEVEL SECURITY')
    schema_editor.execute(f'ALTER TABLE "{table}" FORCE ROW LEVEL SECURITY')
    schema_editor.execute(POLICY.format(table=f'"{table}"'))


def has_key_with_account(schema_editor: BaseDatabaseSchemaEditor, table: str) -> bool:
    with schema_editor.connection.cursor() as cursor:
        constraints = schema_editor.connection.introspection.get_constraints(cursor, table)
    keys = (set(found["columns"]) for found in constraints.values() if found["primary_key"])
    return any("account_id" in key for key in keys)


def add_composite_keys(
    schema_editor: BaseDatabaseSchemaEditor, model: type[models.Model], only: Sequence[str] = ()
) -> None:
    table = model._meta.db_table
    for field in model._meta.local_fields:
        if not isinstance(field, AccountForeignKey) or (only and field.name not in only):
            continue
        target = field.remote_field.model._meta.db_table
        on_delete = field.on_database_delete
        if field.checked == "statement":
            for sql in references.statements(table, field.column, target, on_delete):
                schema_editor.execute(sql, None)  # a % stays a %
            continue
        # Only the reference is emptied: a bare SET NULL would also empty the account.
        if on_delete == "SET NULL":
            on_delete = f'SET NULL ("{field.column}")'
        for child, parent in partition_pairs(schema_editor, table, target):
            schema_editor.execute(
                f'ALTER TABLE "{child}" ADD CONSTRAINT "{child}_{field.column}_of_account" '
                f'FOREIGN KEY (account_id, "{field.column}") REFERENCES "{parent}" (account_id, id) '
                f"ON DELETE {on_delete}"
            )


def partition_pairs(
    schema_editor: BaseDatabaseSchemaEditor, table: str, target: str
) -> list[tuple[str, str]]:
    """Which table refers to which: partition to partition where both are partitioned.

    Rows of one account lie in partitions of the same number, so that says the same, and a check costs 8 µs
    instead of 41 µs: a reference to a partitioned table is looked up through all of it (PostgreSQL 15.20).
    """
    if is_partitioned(schema_editor, table) and is_partitioned(schema_editor, target):
        return [(f"{table}_p{number}", f"{target}_p{number}") for number in range(PARTITIONS)]
    return [(table, target)]


def is_partitioned(schema_editor: BaseDatabaseSchemaEditor, table: str) -> bool:
    with schema_editor.connection.cursor() as cursor:
        cursor.execute("SELECT relkind = 'p' FROM pg_class WHERE oid = %s::regclass", [f'"{table}"'])
        return bool(cursor.fetchone()[0])
