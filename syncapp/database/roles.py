"""Roles and database of the embedded server. Everything here can be repeated without harm."""

import secrets
from enum import StrEnum
from pathlib import Path

import psycopg
from psycopg import sql

DATABASE = "syncapp"


class Role(StrEnum):
    BOOTSTRAP = "bootstrap"  # superuser: makes the other two and the database, nothing else
    OWNER = "owner"  # owns database and tables, runs migrations, may create test databases
    APP = "app"  # what the application uses: bound by grants and row-level security

    @property
    def user(self) -> str:
        """The role's name in PostgreSQL."""
        return USERS[self]


USERS = {
    Role.BOOTSTRAP: "syncapp_bootstrap",
    Role.OWNER: "syncapp_owner",
    Role.APP: "syncapp",
}
ATTRIBUTES = {
    Role.OWNER: "LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEROLE NOREPLICATION CREATEDB",
    Role.APP: "LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEROLE NOREPLICATION NOCREATEDB",
}


def read_passwords(folder: Path) -> dict[Role, str] | None:
    """The passwords in the folder; None when one is missing."""
    try:
        return {role: _password_file(folder, role).read_text() for role in Role}
    except FileNotFoundError:
        return None


def make_passwords(folder: Path) -> dict[Role, str]:
    """Read the passwords, making those that are missing. Files have mode 0600."""
    for role in Role:
        path = _password_file(folder, role)
        if not path.exists():
            unfinished = path.with_suffix(".new")
            unfinished.unlink(missing_ok=True)
            unfinished.touch(mode=0o600)
            unfinished.write_text(secrets.token_urlsafe(24))
            unfinished.rename(path)
    return {role: _password_file(folder, role).read_text() for role in Role}


def provision(bootstrap_dsn: str, passwords: dict[Role, str]) -> None:
    """Make the two roles and the database, and set right what is there already.

    The application's password comes last: whoever can sign in with it finds the rest done.
    """
    with psycopg.connect(bootstrap_dsn, autocommit=True) as connection:
        _make_roles(connection)
        _set_password(connection, Role.OWNER, passwords[Role.OWNER])
        _make_database(connection)
        with psycopg.connect(bootstrap_dsn, dbname=DATABASE, autocommit=True) as inside:
            _grant(inside)
        _set_password(connection, Role.APP, passwords[Role.APP])


def drop_database(bootstrap_dsn: str) -> None:
    """Drop the application's database with all it holds, ending the connections to it."""
    with psycopg.connect(bootstrap_dsn, autocommit=True) as connection:
        connection.execute(_sql("DROP DATABASE IF EXISTS {} WITH (FORCE)", DATABASE))


def _make_roles(connection: psycopg.Connection) -> None:
    for role, attributes in ATTRIBUTES.items():
        known = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role.user]).fetchone()
        verb = "ALTER" if known else "CREATE"
        connection.execute(_sql(f"{verb} ROLE {{}} {attributes}", role.user))


def _set_password(connection: psycopg.Connection, role: Role, password: str) -> None:
    """Only the SCRAM verifier travels: the server's log never sees the password."""
    verifier = connection.pgconn.encrypt_password(
        password.encode(), role.user.encode(), b"scram-sha-256"
    ).decode()
    connection.execute(
        sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(role.user), sql.Literal(verifier))
    )


def _make_database(connection: psycopg.Connection) -> None:
    known = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone()
    if not known:
        connection.execute(_sql("CREATE DATABASE {} OWNER {}", DATABASE, Role.OWNER.user))


def _grant(connection: psycopg.Connection) -> None:
    for statement in (
        _sql("ALTER DATABASE {} OWNER TO {}", DATABASE, Role.OWNER.user),
        _sql("REVOKE ALL ON DATABASE {} FROM PUBLIC", DATABASE),
        _sql("GRANT CONNECT, TEMPORARY ON DATABASE {} TO {}", DATABASE, Role.APP.user),
        _sql("ALTER SCHEMA public OWNER TO {}", Role.OWNER.user),
        _sql("REVOKE CREATE ON SCHEMA public FROM PUBLIC"),
        _sql("GRANT USAGE ON SCHEMA public TO {}", Role.APP.user),
    ):
        connection.execute(statement)


def _sql(template: str, *names: str) -> sql.Composed:
    return sql.SQL(template).format(*(sql.Identifier(name) for name in names))


def _password_file(folder: Path, role: Role) -> Path:
    return folder / f"{role}.password"
