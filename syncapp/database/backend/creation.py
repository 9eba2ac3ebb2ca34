"""Test databases: made and migrated by the owner's role, used by the application's."""

from __future__ import annotations

from typing import Any

from django.db.backends.postgresql import creation


class DatabaseCreation(creation.DatabaseCreation):
    connection: Any  # our own backend, which imports this module

    def create_test_db(self, *args: Any, **kwargs: Any) -> str:
        with self.connection.as_owner():
            name = super().create_test_db(*args, **kwargs)
            with self.connection.cursor() as cursor:
                # Only here: the application never truncates, but the test runner's flush does.
                cursor.execute("GRANT TRUNCATE ON ALL TABLES IN SCHEMA public TO PUBLIC")
        return name

    def _clone_test_db(self, *args: Any, **kwargs: Any) -> None:
        with self.connection.as_owner():
            super()._clone_test_db(*args, **kwargs)  # type: ignore[misc]  # the stubs lack it

    def destroy_test_db(self, *args: Any, **kwargs: Any) -> None:
        with self.connection.as_owner():
            super().destroy_test_db(*args, **kwargs)
