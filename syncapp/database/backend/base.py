"""Django's PostgreSQL backend, with two duties of its own.

It keeps the setting `app.accounts`, which every row-level-security policy reads, in step with the scope of
the running code; and where no server is named it starts or adopts the embedded one on first use.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db.backends.postgresql import base
from django.db.backends.postgresql.psycopg_any import is_psycopg3
from psycopg.pq import TransactionStatus

from syncapp.accounts import scope
from syncapp.database.backend.creation import DatabaseCreation
from syncapp.database.embedded import ensure_running

assert is_psycopg3  # noqa: S101  the COPY helpers speak psycopg 3 only

UNKNOWN = object()


class DatabaseWrapper(base.DatabaseWrapper):
    creation_class = DatabaseCreation

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._scope_sent: object = UNKNOWN

    @property
    def role(self) -> str:
        """Kept in the settings, which Django copies to the connections it derives from this one."""
        return str(self.settings_dict.get("ROLE", "app"))

    @property
    def app_user(self) -> str:
        """The name of the application's role, whichever role is connected now."""
        if "EMBEDDED" in self.settings_dict:
            return ensure_running().credentials("app")[0]
        return str(self.settings_dict["USER"])

    def get_connection_params(self) -> dict[str, Any]:
        if "EMBEDDED" in self.settings_dict:
            self._name_embedded_server()
        elif self.role == "owner" and self.settings_dict.get("OWNER"):
            return self._params_of_owner()
        return super().get_connection_params()

    def _name_embedded_server(self) -> None:
        server = ensure_running()
        user, password = server.credentials(self.role)
        self.settings_dict.update(HOST=server.host, PORT=str(server.port), USER=user, PASSWORD=password)

    def _params_of_owner(self) -> dict[str, Any]:
        owner = {key: value for key, value in self.settings_dict["OWNER"].items() if key != "NAME"}
        usual = {key: self.settings_dict[key] for key in owner}
        self.settings_dict.update(owner)
        try:
            return super().get_connection_params()
        finally:
            self.settings_dict.update(usual)

    @contextmanager
    def as_owner(self) -> Iterator[None]:
        """Connect as the role that owns the tables, for migrations only."""
        if self.role == "owner":
            yield
            return
        self._change_role("owner")
        try:
            yield
        finally:
            self._change_role("app")

    def _change_role(self, role: str) -> None:
        self.close()
        self.settings_dict["ROLE"] = role

    def init_connection_state(self) -> None:
        self._scope_sent = UNKNOWN
        super().init_connection_state()

    def _cursor(self, name: str | None = None) -> Any:
        self.ensure_connection()
        self._send_scope()
        return super()._cursor(name)  # type: ignore[misc]  # the stubs lack it

    def _send_scope(self) -> None:
        wanted = (scope.current() or scope.NOTHING).setting
        if self._scope_sent == wanted or self.connection.info.transaction_status == TransactionStatus.INERROR:
            return  # a failed transaction takes nothing but its rollback
        with self.wrap_database_errors, self.connection.cursor() as cursor:
            cursor.execute("SELECT set_config('app.accounts', %s, false)", [wanted])
        self._scope_sent = wanted

    # A rollback also takes back a set_config made inside the transaction.
    def _rollback(self) -> Any:
        self._scope_sent = UNKNOWN
        return super()._rollback()  # type: ignore[misc]

    def _savepoint_rollback(self, sid: str) -> None:
        super()._savepoint_rollback(sid)  # type: ignore[misc]
        self._scope_sent = UNKNOWN
