"""What a check runs on: a home of its own, and with DATABASE_URL a database of its own on that server."""

from __future__ import annotations

import secrets
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
from psycopg import sql

from syncapp.database import embedded
from syncapp.database.place import find_place
from syncapp.demo.steps import StepFailed


@contextmanager
def temporary_home() -> Iterator[Path]:
    """An empty home; an embedded server in it is stopped at the end, and all of it removed."""
    home = Path(tempfile.mkdtemp(prefix="syncapp-check-"))
    home.chmod(0o711)  # root's server runs as another user, who has to get in
    try:
        yield home
    finally:
        place = find_place(home)
        embedded.stop(home)
        for folder in (place.folder, home):
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def temporary_database(environment: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """The changes to the environment: new names at the end of DATABASE_URL and DATABASE_OWNER_URL; {} without."""
    url, owner_url = (environment.get(name, "").strip() for name in ("DATABASE_URL", "DATABASE_OWNER_URL"))
    if not url:
        yield {}
        return
    name = f"syncapp_check_{secrets.token_hex(4)}"
    execute(owner_url or url, "CREATE DATABASE {}", name)
    try:
        changes = {"DATABASE_URL": renamed(url, name)}
        yield changes | ({"DATABASE_OWNER_URL": renamed(owner_url, name)} if owner_url else {})
    finally:
        execute(owner_url or url, "DROP DATABASE IF EXISTS {} WITH (FORCE)", name)


def execute(url: str, statement: str, name: str) -> None:
    try:
        with psycopg.connect(url, autocommit=True, connect_timeout=10) as connection:
            connection.execute(sql.SQL(statement).format(sql.Identifier(name)))
    except psycopg.Error as error:
        words = str(error).strip() or type(error).__name__
        raise StepFailed(f"{statement.format(name)}: {words}", "database") from error


def renamed(url: str, name: str) -> str:
    return urlsplit(url)._replace(path=f"/{name}").geturl()
