"""One person, as other systems name them: find, store, present an error. Raises `Problem`, knows nothing of HTTP."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from audiences import erasing, ingest
from audiences.addresses import InvalidAddress, normalise
from audiences.ingest import Contact, ItemOutcome, Operation
from audiences.models import Profile
from syncapp.accounts.keys import Client
from syncapp.accounts.models import Account
from syncapp.api.problems import Problem, invalid

ATTEMPTS = 3
WORDS = {
    "email_taken": "Another person has this e-mail address.",
    "identifier_taken": "Another person has this value.",
    "erased": "This person was erased and cannot come back.",
}


class Raced(Exception):
    """Another call made the person meanwhile: what was looked up before no longer holds."""


def find(client: Client | int, external_id: str) -> Profile:
    """404 for unknown, deleted, erased, and another account's."""
    account_id = client if isinstance(client, int) else client.account_id
    found: Profile | None = Profile.objects.of(account_id).filter(external_id=external_id).first()
    if found is None:
        raise not_found()
    return found


def not_found() -> Problem:
    return Problem("contact_not_found", "There is no person with this external id.")


def by_email(account_id: int, email: str) -> Profile | None:
    """Raises InvalidAddress."""
    found: Profile | None = Profile.objects.of(account_id).filter(email=normalise(email)).first()
    return found


def put(
    client: Client, external_id: str, contact: Contact, *, merges: bool, must_exist: bool = False
) -> tuple[Profile, bool]:
    """Store what is said; (person, whether they are new). `merges`: as `merge: by_email` of the API."""
    for _ in range(ATTEMPTS):
        try:
            return _put_once(client, external_id, contact, merges=merges, must_exist=must_exist)
        except Raced:
            continue
    raise Problem("temporarily_unavailable", "Other calls change this person all the time; repeat the call.")


@transaction.atomic
def _put_once(
    client: Client, external_id: str, contact: Contact, *, merges: bool, must_exist: bool
) -> tuple[Profile, bool]:
    is_known = Profile.objects.of(client.account_id).filter(external_id=external_id).exists()
    may_attach = is_known or merges
    if not may_attach and isinstance(contact.email, str):
        refuse_held_address(client.account_id, contact.email)
    result = ingest.apply(
        account=Account(pk=client.account_id),
        audience=None,
        operations=[Operation(0, "upsert", "external_id", external_id, contact)],
        unknown="reject" if must_exist else "create",
        source=f"api:{client.label}",
        verbose=True,
    )
    if result.errors:
        raise to_problem(result.errors[0])
    is_new = result.items[0].outcome == "created"
    if not (is_new or may_attach):
        raise Raced
    return find(client, external_id), is_new


def refuse_held_address(account_id: int, email: str) -> None:
    """The person of this address has no external id: giving them one is for the caller to ask for."""
    try:
        holder = by_email(account_id, email)
    except InvalidAddress:
        return  # the ingest says so
    if holder is not None and holder.external_id is None:
        words = (
            "A person without an external id has this e-mail address; merge: by_email makes them this one."
        )
        raise Problem("email_taken", words, conflict={"external_id": None, "id": str(holder.pk)})


def to_problem(failed: ItemOutcome) -> Problem:
    """Why the one item failed, as an answer."""
    if failed.code == "contact_not_found":
        return not_found()
    if failed.code == "erased":
        return Problem("erased", WORDS["erased"])
    if failed.code in ("email_taken", "identifier_taken"):
        extra: dict[str, Any] = {"conflict": {"external_id": failed.holder}, "pointer": to_pointer(failed)}
        return Problem(failed.code, WORDS[failed.code], **extra)
    return invalid(to_pointer(failed), failed.detail, failed.code)


def to_pointer(failed: ItemOutcome) -> str:
    """Within what the caller sent of the person; proof is the caller's word for evidence."""
    pointer = failed.pointer.removeprefix("/contact")
    return pointer.removesuffix("/evidence") + "/proof" if pointer.endswith("/evidence") else pointer


def is_erased(client: Client, external_id: str) -> bool:
    return erasing.is_erased(client.account_id, external_id=external_id)
