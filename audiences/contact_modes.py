"""Who a batch may create, change or become: looked up before, and watched while it is carried out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from django.db import transaction

from audiences import ingest
from audiences.addresses import InvalidAddress, normalise
from audiences.contacts import ATTEMPTS, Raced
from audiences.ingest import ItemOutcome, Operation, Result
from audiences.models import Audience, Profile
from syncapp.accounts.models import Account
from syncapp.api.problems import Problem

EXISTS = "contact_exists"
HELD = "A person without an external id has this address; merge: by_email makes them this one."


@dataclass(frozen=True, slots=True)
class Wish:
    """`mode`: upsert, create or update. `merges`: a person without an external id may get the item's."""

    account_id: int
    source: str
    mode: str = "upsert"
    merges: bool = False
    atomic: bool = False
    validate_only: bool = False
    audience: Audience | None = None


def carry_out(
    wish: Wish, operations: Mapping[int, Operation], others_failed: bool = False
) -> tuple[Result, dict[int, ItemOutcome]]:
    """The ingest's result of the items that may be done, and those that may not. Every item is in `items`.

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
        verbose=True,
    )
    if result.applied:
        refuse_race(wish, operations, known, result)
    return result, refused


def look_up(wish: Wish, operations: Mapping[int, Operation]) -> tuple[set[tuple[str, str]], set[str]]:
    """(kind, value) of who is known, and the addresses of people without an external id. Empty where nobody asks."""
    if wish.merges and wish.mode != "create":
        return set(), set()
    rows = Profile.objects.of(wish.account_id).order_by()
    external_ids = [one.value for one in operations.values() if one.kind == "external_id"]
    addresses = [email for one in operations.values() if (email := address_of(one)) is not None]
    known = {
        ("external_id", value)
        for value in rows.filter(external_id__in=external_ids).values_list("external_id", flat=True)
    }
    found = rows.filter(email__in=addresses).values_list("email", "external_id")
    held = dict(found)
    known |= {("email", email) for email in held}
    return known, {email for email, external_id in held.items() if external_id is None}


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


def refuse_race(
    wish: Wish, operations: Mapping[int, Operation], known: set[tuple[str, str]], result: Result
) -> None:
    """Who was unknown a moment ago was made by another call meanwhile: look again."""
    if wish.merges and wish.mode != "create":
        return
    for item in result.items:
        operation = operations[item.index]
        guarded = wish.mode == "create" or operation.kind == "external_id"
        if guarded and item.outcome in ("updated", "unchanged") and name_of(operation) not in known:
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
