"""What the three roles may do. RLS binds neither superusers nor BYPASSRLS, so this is its ground."""

from pathlib import Path

import psycopg
import pytest
from psycopg.errors import InsufficientPrivilege

from syncapp.database.embedded import Role, Server, ensure_running, stop
from syncapp.database.place import find_place

ATTRIBUTES = "SELECT rolsuper, rolbypassrls, rolcreatedb, rolcreaterole FROM pg_roles WHERE rolname = %s"


@pytest.fixture
def server(shared_home: Path) -> Server:
    return ensure_running(shared_home)


def attributes(server: Server, role: Role) -> tuple[bool, ...]:
    """(superuser, bypassrls, createdb, createrole)"""
    with psycopg.connect(server.dsn(Role.BOOTSTRAP)) as connection:
        row = connection.execute(ATTRIBUTES, [role.user]).fetchone()
    assert row is not None
    return row


def test_only_the_bootstrap_role_is_a_superuser(kind: str, home: Path) -> None:
    server = ensure_running(home)
    assert attributes(server, Role.APP) == (False, False, False, False)
    assert attributes(server, Role.OWNER) == (False, False, True, False)
    assert attributes(server, Role.BOOTSTRAP)[0] is True


def test_the_application_makes_temporary_tables_and_no_others(server: Server) -> None:
    with psycopg.connect(server.dsn(Role.APP), autocommit=True) as connection:
        connection.execute("CREATE TEMPORARY TABLE staging (id int)")
        with pytest.raises(InsufficientPrivilege):
            connection.execute("CREATE TABLE public.own (id int)")
        with pytest.raises(InsufficientPrivilege):
            connection.execute("CREATE DATABASE other")


def test_the_application_reads_only_what_it_was_granted(server: Server) -> None:
    with psycopg.connect(server.dsn(Role.OWNER), autocommit=True) as owner:
        owner.execute("CREATE TABLE note (id int)")
        with psycopg.connect(server.dsn(Role.APP), autocommit=True) as application:
            with pytest.raises(InsufficientPrivilege):
                application.execute("SELECT * FROM note")
            owner.execute("GRANT SELECT ON note TO syncapp")
            assert application.execute("SELECT * FROM note").fetchall() == []


def test_the_owner_makes_databases_for_tests_which_the_application_may_enter(server: Server) -> None:
    with psycopg.connect(server.dsn(Role.OWNER), autocommit=True) as owner:
        owner.execute("CREATE DATABASE test_syncapp")
    with psycopg.connect(server.dsn(Role.APP, "test_syncapp")) as connection:
        assert connection.execute("SELECT current_database()").fetchone() == ("test_syncapp",)


def test_a_start_sets_right_what_was_changed(shared_home: Path, server: Server) -> None:
    with psycopg.connect(server.dsn(Role.BOOTSTRAP), autocommit=True) as connection:
        connection.execute("ALTER ROLE syncapp SUPERUSER BYPASSRLS")
    stop(shared_home)
    assert attributes(ensure_running(shared_home), Role.APP) == (False, False, False, False)


def test_a_missing_database_is_made_on_adoption(shared_home: Path, server: Server) -> None:
    """As after a starter that was killed between server and database."""
    with psycopg.connect(server.dsn(Role.BOOTSTRAP, "postgres"), autocommit=True) as connection:
        connection.execute("DROP DATABASE syncapp")
    with psycopg.connect(ensure_running(shared_home).dsn(Role.APP)) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_passwords_are_kept_closed_and_unprinted(shared_home: Path, server: Server) -> None:
    files = list(find_place(shared_home).folder.glob("*.password"))
    assert len(files) == len(Role)
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}
    passwords = [file.read_text() for file in files]
    assert len(set(passwords)) == len(Role)
    assert not any(password in repr(server) for password in passwords)


def test_a_wrong_password_is_refused(server: Server) -> None:
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(server.dsn(), password="guess")
