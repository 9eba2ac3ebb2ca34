"""DATABASE_URL: what is read, and what is said when it cannot be."""

import pytest

from syncapp.database.urls import DatabaseUrlError, parse


def test_every_part_is_read_and_decoded() -> None:
    url = "postgresql://ann:p%40ss%2Fw%23rd@db.example:6432/sync%20app?sslmode=require&connect_timeout=5"
    assert parse(url) == {
        "HOST": "db.example",
        "PORT": "6432",
        "NAME": "sync app",
        "USER": "ann",
        "PASSWORD": "p@ss/w#rd",
        "OPTIONS": {"sslmode": "require", "connect_timeout": "5"},
    }


@pytest.mark.parametrize(
    ("url", "host", "port"),
    [
        ("postgres://ann@db.example/app", "db.example", ""),
        ("postgresql://ann:x@[::1]:5433/app", "::1", "5433"),
        ("postgresql://ann@%2Fvar%2Frun%2Fpostgresql/app", "/var/run/postgresql", ""),
        ("  postgresql://ann@db.example/app\n", "db.example", ""),
    ],
)
def test_hosts(url: str, host: str, port: str) -> None:
    parts = parse(url)
    assert (parts["HOST"], parts["PORT"], parts["PASSWORD"]) == (
        host,
        port,
        "" if "@d" in url else parts["PASSWORD"],
    )


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("", "no scheme"),
        ("mysql://ann:x@db.example/app", "mysql:// ?.*only postgresql"),
        ("postgresql://ann:secret@db.example", "database's name"),
        ("postgresql://ann:secret@db.example/a/b", "database's name"),
        ("postgresql://ann:secret@/app", "names no host"),
        ("postgresql://db.example/app", "names no user"),
        ("postgresql://ann:secret@db.example:many/app", "malformed"),
        ("postgresql://ann:secret/word@db.example/app", "malformed"),
        ("postgresql://ann:secret#word@db.example/app", "malformed|%23|database's name"),
        ("postgresql://ann:secret@db.example/app?sslmod=require", "unknown option sslmod"),
    ],
)
def test_a_malformed_url_is_said_without_its_password(url: str, words: str) -> None:
    with pytest.raises(DatabaseUrlError, match=words) as caught:
        parse(url, "DATABASE_OWNER_URL")
    assert "DATABASE_OWNER_URL" in str(caught.value)
    assert "secret" not in str(caught.value)
