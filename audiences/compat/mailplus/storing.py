"""Store contacts and their permissions: one ingest call, an answer for each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any

from django.db.models import Q
from django.utils import timezone

from audiences import ingest
from audiences.addresses import InvalidAddress, normalise
from audiences.compat.mailplus.wanted import Wanted
from audiences.consents import to_answer
from audiences.ingest import ConsentGiven, Operation
from audiences.models import Consent, Profile
from syncapp.accounts.keys import Client
from syncapp.accounts.models import Account

OK = "OK"
CONTACT_ALREADY_EXISTS = "CONTACT_ALREADY_EXISTS"
CONTACT_OPTOUT = "CONTACT_OPTOUT"
CONTACT_UNKNOWN = "CONTACT_UNKNOWN"
ERROR = "ERROR"
PROPERTY_INVALID = "PROPERTY_INVALID"

CODES = {
    "contact_not_found": CONTACT_UNKNOWN,
    "email_taken": CONTACT_ALREADY_EXISTS,
    "external_id_taken": CONTACT_ALREADY_EXISTS,
    "identifier_taken": PROPERTY_INVALID,
    "invalid_contact": PROPERTY_INVALID,
    "unknown_field": PROPERTY_INVALID,
}


class Mode(Enum):
    """What may become of a contact: `update` false makes only, true makes or changes; PUT changes only."""

    CREATE = "create"
    UPSERT = "upsert"
    CHANGE = "change"


@dataclass(frozen=True, slots=True)
class Stored:
    external_id: str
    code: str
    message: str = ""


@dataclass(frozen=True, slots=True)
class Known:
    """Who the call's contacts are already, by external id and by address."""

    by_external_id: dict[str, Profile]
    by_email: dict[str, Profile]

    def find(self, one: Wanted) -> Profile | None:
        found = self.by_external_id.get(one.external_id)
        return found or self.by_email.get(to_address(one) or "")


def store(client: Client, wanted: Sequence[Wanted], mode: Mode) -> list[Stored]:
    """One answer for each, in order. What one of them may not do keeps nobody else from being stored."""
    now = timezone.now()  # before looking: whoever refuses from here on, refuses later than these grants
    known = look_up(client.account_id, wanted)
    optouts = find_optouts(client, wanted, known)
    answers: dict[int, Stored] = {}
    operations: list[Operation] = []
    for index, one in enumerate(wanted):
        refusal = refuse(one, mode, known, optouts)
        if refusal is None:
            operations.append(to_operation(index, one, known.find(one), now))
        else:
            answers[index] = refusal
    result = ingest.apply(
        account=Account(pk=client.account_id),
        audience=None,
        operations=operations,
        unknown="reject" if mode is Mode.CHANGE else "create",
        source=to_source(client),
        now=now,
    )
    answers |= {item.index: to_failed(wanted[item.index], item) for item in result.errors}
    return [answers.get(index, Stored(one.external_id, OK)) for index, one in enumerate(wanted)]


def look_up(account_id: int, wanted: Sequence[Wanted]) -> Known:
    ids = [one.external_id for one in wanted]
    addresses = [address for one in wanted if (address := to_address(one)) is not None]
    rows = Profile.objects.of(account_id).filter(forgotten_at=None)
    found = list(rows.filter(Q(external_id__in=ids) | Q(email__in=addresses)))
    return Known(
        {profile.external_id: profile for profile in found if profile.external_id is not None},
        {profile.email: profile for profile in found if profile.email is not None},
    )


def to_address(one: Wanted) -> str | None:
    if not isinstance(one.contact.email, str):
        return None
    try:
        return normalise(one.contact.email)
    except InvalidAddress:
        return None


def find_optouts(client: Client, wanted: Sequence[Wanted], known: Known) -> set[tuple[int, str]]:
    """(person, objective) that were refused by another way than this key.

    A grant of Mail+ says nothing of its time, so it is no news against a refusal that came from the person, an ESP
    or the admin. A refusal this system told itself it may take back.
    """
    asked = {
        (person.pk, key): person.consents[key]["at"]
        for one in wanted
        if (person := known.find(one)) is not None
        for key, granted in one.permissions.items()
        if granted and person.consents.get(key, {}).get("state") == Consent.State.DENIED
    }
    if not asked:
        return set()
    own = Consent.objects.of(client.account_id).filter(
        profile_id__in={person for person, _ in asked},
        objective_key__in={key for _, key in asked},
        state=Consent.State.DENIED,
    )
    told = own.values_list("profile_id", "objective_key", "occurred_at", "source")
    standing = [row for row in told if asked.get((row[0], row[1])) == to_answer("denied", row[2])["at"]]
    ours = {(row[0], row[1]) for row in standing if row[3] == to_source(client)}
    others = {(row[0], row[1]) for row in standing if row[3] != to_source(client)}
    return set(asked) - (ours - others)


def refuse(one: Wanted, mode: Mode, known: Known, optouts: set[tuple[int, str]]) -> Stored | None:
    person = known.by_external_id.get(one.external_id)
    if mode is Mode.CREATE and person is not None:
        return Stored(
            one.external_id, CONTACT_ALREADY_EXISTS, "There is a contact with this externalId already."
        )
    if mode is Mode.CHANGE and person is None:
        return Stored(one.external_id, CONTACT_UNKNOWN, "There is no contact with this externalId.")
    whoever = known.find(one)
    granted = [key for key, is_granted in one.permissions.items() if is_granted]
    refused = [key for key in granted if whoever is not None and (whoever.pk, key) in optouts]
    if refused:
        words = f"The contact has opted out of {', '.join(refused)}; nothing of it was stored."
        return Stored(one.external_id, CONTACT_OPTOUT, words)
    return None


def to_operation(index: int, one: Wanted, person: Profile | None, now: datetime) -> Operation:
    """Only permissions that say something new become answers in the ledger."""
    stored: dict[str, Any] = {} if person is None else person.consents
    states = {key: "granted" if granted else "denied" for key, granted in one.permissions.items()}
    consents = tuple(
        ConsentGiven(key, state, now, "api")  # type: ignore[arg-type]  # one of the two
        for key, state in states.items()
        if stored.get(key, {}).get("state") != state
    )
    return Operation(index, "upsert", "external_id", one.external_id, one.contact, consents)


def to_failed(one: Wanted, item: ingest.ItemOutcome) -> Stored:
    where = item.pointer.removeprefix("/contact/").removeprefix("properties/")
    words = f"{where}: {item.detail}" if where else item.detail
    return Stored(one.external_id, CODES.get(item.code, ERROR), words)


def to_source(client: Client) -> str:
    return f"api:{client.label}"
