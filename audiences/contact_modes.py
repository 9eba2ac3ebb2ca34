"""Who a batch may create, change or become: looked up before, and watched while it is carried out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction

from audiences import ingest
from audiences.addresses import InvalidAddress, normalise
from audiences.contacts import ATTEMPTS, Raced
from audiences.ingest import ItemOutcome, Operation, Result
from audiences.models import Audience
from syncapp.accounts.models import Account
from syncapp.api.problems import Problem

EXISTS = "contact_exists"
WITHOUT_EXTERNAL_ID = """
SELECT email FROM audiences_profile
WHERE account_id = %(account)s AND email = ANY(%(values)s) AND external_id IS NULL
"""
KNOWN_IDS = """
SELECT external_id FROM audiences_profile WHERE account_id = %(account)s AND external_id = ANY(%(values)s)
"""
KNOWN_ADDRESSES = """
SELECT email FROM audiences_profile WHERE account_id = %(account)s AND email = ANY(%(values)s)
"""
HELD = "A person without an external id has this address; merge: by_email makes them this one."


@dataclass(frozen=True, slots=True)
class Wish:
    """`mode`: upsert, create or update. `merges`: a person without an external id may get the item's. `lists_items`:
    what became of each is wanted.
    """

    account_id: int
    source: str
    mode: str = "upsert"
    merges: bool = False
    atomic: bool = False
    validate_only: bool = False
    audience: Audience | None = None
    lists_items: bool = True


def carry_out(
    wish: Wish, operations: Mapping[int, Operation], others_failed: bool = False
) -> tuple[Result, dict[int, ItemOutcome]]:
    """The ingest's result of the items that may be done, and those that may not.

    `others_failed`: an item that is no operation failed already, which makes an atomic call a check of the rest.
    """
    for _ in range(ATTEMPTS):
        try:
            with transaction.atomic():
                return _carry_out_once(wish, operations, others_failed)
        except Raced:
            continue
    raise Problem("temporarily_unavailable", "Other calls change these people all the time; repeat the call.")


def _carry_out_once(
    wish: Wish, operations: Mapping[int, Operation], others_failed: bool
) -> tuple[Result, dict[int, ItemOutcome]]:
    known, held = look_up(wish, operations)
    refused = refuse(wish, operations, known, held)
    wanted = [operation for index, operation in operations.items() if index not in refused]
    fails_whole = wish.atomic and (others_failed or len(refused) > 0)
    result = ingest.apply(
        account=Account(pk=wish.account_id),
        audience=wish.audience,
        operations=wanted,
        unknown="reject" if wish.mode == "update" else "create",
        source=wish.source,
        atomic=wish.atomic,
        validate_only=wish.validate_only or fails_whole,
        verbose=wish.lists_items or wish.mode == "create",
    )
    if result.applied and wish.mode == "create":
        refuse_race(operations, known, result)
    return result, refused


def look_up(wish: Wish, operations: Mapping[int, Operation]) -> tuple[set[tuple[str, str]], set[str]]:
    """(kind, value) of who is known, as far as it matters, and the addresses of people without an external id."""
    held: set[str] = set()
    if not wish.merges:
        named = [one for one in operations.values() if one.kind == "external_id"]
        held = read(WITHOUT_EXTERNAL_ID, wish, {address_of(one) for one in named} - {None})
    if wish.mode == "create":
        asked = list(operations.values())
    else:
        asked = [one for one in operations.values() if held and address_of(one) in held]
    names = {name_of(one) for one in asked}
    external_ids = read(KNOWN_IDS, wish, {value for kind, value in names if kind == "external_id"})
    addresses = read(KNOWN_ADDRESSES, wish, {value for kind, value in names if kind == "email"})
    known = {("external_id", value) for value in external_ids} | {("email", value) for value in addresses}
    return known, held


def read(sql: str, wish: Wish, values: set[Any]) -> set[str]:
    if not values:
        return set()
    with connection.cursor() as cursor:
        cursor.execute(sql, {"account": wish.account_id, "values": sorted(values)})
        return {value for (value,) in cursor.fetchall()}


def refuse(
    wish: Wish, operations: Mapping[int, Operation], known: set[tuple[str, str]], held: set[str]
) -> dict[int, ItemOutcome]:
    refused: dict[int, ItemOutcome] = {}
    for index, operation in operations.items():
        email = address_of(operation)
        if wish.mode == "create" and name_of(operation) in known:
            refused[index] = ItemOutcome(index, "failed", EXISTS, "There is such a person already.")
        elif name_of(operation) not in known and is_held(wish, operation, email, held):
            refused[index] = ItemOutcome(index, "failed", "email_taken", HELD, "/contact/email")
    return refused


def is_held(wish: Wish, operation: Operation, email: str | None, held: set[str]) -> bool:
    """Whether the address is that of a person who could get this external id, which nobody asked for."""
    return operation.kind == "external_id" and not wish.merges and email in held


def refuse_race(operations: Mapping[int, Operation], known: set[tuple[str, str]], result: Result) -> None:
    """Who was unknown a moment ago and is not new was made by another call meanwhile: look again."""
    for item in result.items:
        if item.outcome in ("updated", "unchanged") and name_of(operations[item.index]) not in known:
            raise Raced


def name_of(operation: Operation) -> tuple[str, str]:
    return operation.kind, address_of(operation) or "" if operation.kind == "email" else operation.value


def address_of(operation: Operation) -> str | None:
    """The normalised address of the item; None without one, or where it is none."""
    email = operation.value if operation.kind == "email" else None
    if operation.contact is not None and isinstance(operation.contact.email, str):
        email = operation.contact.email
    try:
        return None if email is None else normalise(email)
    except InvalidAddress:
        return None
