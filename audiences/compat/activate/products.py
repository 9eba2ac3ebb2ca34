"""`POST v1/products` and `DELETE products`: stored for later use, each with one statement."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from django.db import connection
from django.http import HttpResponse
from rest_framework.request import Request

from audiences.compat.activate.events import depth_of
from audiences.compat.activate.views import ActivateView, items_of
from syncapp.accounts.models import ApiKey
from syncapp.api.views import json

MOST_PRODUCTS = 1_000
ID_CHARS = 255
LANGUAGE_CHARS = 20
DATA_BYTES = 64 * 1024
DEEPEST = 20

STORE = """
WITH given AS (
    SELECT * FROM unnest(%(ids)s::text[], %(languages)s::text[], %(data)s::jsonb[]) AS g (external_id, language, data)
), written AS (
    INSERT INTO audiences_product AS stored (account_id, external_id, language, data, created_at, updated_at)
    SELECT %(account)s, external_id, language, data, statement_timestamp(), statement_timestamp()
    FROM given ORDER BY external_id COLLATE "C", language COLLATE "C"
    ON CONFLICT (account_id, external_id, language) DO UPDATE SET data = EXCLUDED.data, updated_at = EXCLUDED.updated_at
    WHERE stored.data <> EXCLUDED.data
    RETURNING xmax = 0 AS is_new
)
SELECT count(*) FILTER (WHERE is_new), count(*) FILTER (WHERE NOT is_new) FROM written
"""

# In the order of keys, so that two calls about the same products wait for each other instead of deadlocking.
DELETE = """
DELETE FROM audiences_product WHERE account_id = %(account)s AND id IN (
    SELECT p.id FROM audiences_product p
    JOIN unnest(%(ids)s::text[], %(languages)s::text[]) AS g (external_id, language)
        ON p.external_id = g.external_id AND p.language = g.language
    WHERE p.account_id = %(account)s
    ORDER BY p.external_id COLLATE "C", p.language COLLATE "C" FOR UPDATE OF p
)
"""

Key = tuple[str, str]
Errors = list[dict[str, Any]]


class BadProduct(ValueError):
    """One product cannot be taken; the text says why."""


@dataclass(frozen=True, slots=True)
class Products:
    """{(id, language): what was said}; of a product named twice the last counts."""

    by_key: dict[Key, str]
    errors: Errors


class ProductsView(ActivateView):
    scopes = {"POST": ApiKey.Scope.CONTACTS_WRITE, "DELETE": ApiKey.Scope.CONTACTS_WRITE}

    def post(self, request: Request) -> HttpResponse:
        given = items_of(self.fields(), "products", MOST_PRODUCTS)
        found = read_all(given)
        created, updated = store(self.client.account_id, found.by_key) if found.by_key else (0, 0)
        request._request.api_items = (len(given), len(found.errors))  # type: ignore[attr-defined]
        return to_response(found, created=created, updated=updated)

    def delete(self, request: Request) -> HttpResponse:
        given = items_of(self.fields(), "products", MOST_PRODUCTS)
        found = read_all(given)
        deleted = remove(self.client.account_id, found.by_key) if found.by_key else 0
        request._request.api_items = (len(given), len(found.errors))  # type: ignore[attr-defined]
        return to_response(found, deleted=deleted)


def read_all(given: Sequence[Any]) -> Products:
    found = Products({}, [])
    for index, one in enumerate(given):
        try:
            key, data = read(one)
        except BadProduct as error:
            found.errors.append({"index": index, "code": "INVALID_PRODUCT", "detail": str(error)})
        else:
            found.by_key[key] = data
    return found


def read(given: Any) -> tuple[Key, str]:
    """The key is the id (the SKU) with the language; `nl_NL` and `nl-NL` are one."""
    if not isinstance(given, dict):
        raise BadProduct("A product is an object.")
    written = str(given["id"]) if type(given.get("id")) is int else given.get("id")
    if not isinstance(written, str) or not 1 <= len(written) <= ID_CHARS:
        raise BadProduct(f"id must be a text of 1 to {ID_CHARS} characters.")
    language = given.get("language") or ""
    if not isinstance(language, str) or len(language) > LANGUAGE_CHARS:
        raise BadProduct("language must read like nl-NL.")
    data = {name: value for name, value in given.items() if name not in ("id", "language")}
    if depth_of(data) > DEEPEST:
        raise BadProduct("The product is nested too deeply.")
    encoded = orjson.dumps(data)
    if len(encoded) > DATA_BYTES:
        raise BadProduct(f"A product may have {DATA_BYTES} bytes.")
    return (written, language.replace("_", "-")), encoded.decode()


def store(account_id: int, products: dict[Key, str]) -> tuple[int, int]:
    """(new, changed)"""
    values = {**to_parameters(account_id, products), "data": list(products.values())}
    with connection.cursor() as cursor:
        cursor.execute(STORE, values)
        created, updated = cursor.fetchone()
    return int(created), int(updated)


def remove(account_id: int, products: dict[Key, str]) -> int:
    with connection.cursor() as cursor:
        cursor.execute(DELETE, to_parameters(account_id, products))
        return int(cursor.rowcount)


def to_parameters(account_id: int, products: dict[Key, str]) -> dict[str, Any]:
    return {
        "account": account_id,
        "ids": [key[0] for key in products],
        "languages": [key[1] for key in products],
    }


def to_response(found: Products, **counts: int) -> HttpResponse:
    body = {"success": not found.errors, **counts, "errors": found.errors}
    return json(body, status=200 if found.by_key else 400)
