"""The documented operations as tests go through them, and the state of the database before and after."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import quote

from django.db import connection

from syncapp.accounts import scope
from syncapp.api.pages import openapi_document
from syncapp.api.schema import ERROR_CODES

METHODS = ("get", "put", "post", "patch", "delete")
# What calls leave behind whatever they say: quotas, the log of calls, remembered answers, when a key was last used.
TRACES = ("api_", "accounts_apikey", "django_", "pghistory_", "work_")
TABLES = """
SELECT relname FROM pg_class
WHERE relkind IN ('r', 'p') AND NOT relispartition AND relnamespace = 'public'::regnamespace ORDER BY relname
"""


@dataclass(frozen=True)
class Described:
    method: str
    path: str
    operation: Mapping[str, Any]

    @property
    def name(self) -> str:
        return str(self.operation["operationId"])

    @property
    def places(self) -> list[str]:
        """The names of its path parameters."""
        return [part["name"] for part in self.operation.get("parameters", ()) if part["in"] == "path"]

    @property
    def media_types(self) -> list[str]:
        return list(self.operation.get("requestBody", {}).get("content", {}))

    def address(self, values: Mapping[str, str]) -> str:
        """`values` are encoded here; those that are missing become “x”."""
        path = self.path
        for name in self.places:
            path = path.replace(f"{{{name}}}", quote(values.get(name, "x"), safe=""))
        return path


def described() -> list[Described]:
    return [
        Described(method.upper(), path, item[method])
        for path, item in openapi_document()["paths"].items()
        for method in METHODS
        if method in item
    ]


def require_documented(method: str, path: str, status: int, code: str = "") -> None:
    """The operation that is meant by this path documents the status and the problem's code."""
    plain = path.partition("?")[0]
    for pattern, one in patterns():
        if one.method == method.upper() and pattern.fullmatch(plain):
            assert str(status) in one.operation["responses"] or code == "not_found", (one.name, status)
            assert code in ("", "not_found", *one.operation[ERROR_CODES]), (one.name, code)
            return


@cache
def patterns() -> list[tuple[re.Pattern[str], Described]]:
    """Those with the fewest parameters first: `/contacts/batch` before `/contacts/{external_id}`."""
    found = sorted(described(), key=lambda one: len(one.places))
    return [(re.compile(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(one.path))), one) for one in found]


def writing() -> Iterator[Described]:
    return (one for one in described() if one.media_types)


def state() -> dict[str, str]:
    """A digest per table of everything but the traces of calls."""
    with scope.everything("a test compares all of it"), connection.cursor() as cursor:
        cursor.execute(TABLES)
        tables = [name for (name,) in cursor.fetchall() if not name.startswith(TRACES)]
        return {name: digest_of(cursor, name) for name in tables}


def digest_of(cursor: Any, table: str) -> str:
    cursor.execute(f'SELECT t::text FROM "{table}" t ORDER BY 1')  # our own table names
    return hashlib.sha256("\n".join(row for (row,) in cursor.fetchall()).encode()).hexdigest()
