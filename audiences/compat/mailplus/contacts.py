"""Mail+'s calls that write contacts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.http import HttpResponse
from rest_framework.request import Request

from audiences.compat.mailplus import storing
from audiences.compat.mailplus.errors import (
    CONTACT_ALREADY_EXISTS,
    CONTACT_NOT_FOUND,
    CONTACT_OPTOUT,
    INVALID_PARAMS,
    INVALID_PROPERTY,
    INVALID_STATE,
    Failure,
)
from audiences.compat.mailplus.reading import (
    invalid,
    to_external_id,
    to_flag,
    to_list,
    to_object,
    to_text,
)
from audiences.compat.mailplus.showing import show_one
from audiences.compat.mailplus.storing import Mode, Stored, store
from audiences.compat.mailplus.views import MailPlusView, no_content, to_id
from audiences.compat.mailplus.vocabulary import Vocabulary, vocabulary_of
from audiences.compat.mailplus.wanted import BadProperty, Wanted, to_wanted
from audiences.models import Profile
from syncapp.accounts.models import ApiKey
from syncapp.api.authentication import require_scope

MOST_CONTACTS = 100
FAILURES = {
    storing.CONTACT_ALREADY_EXISTS: (400, CONTACT_ALREADY_EXISTS),
    storing.CONTACT_OPTOUT: (400, CONTACT_OPTOUT),
    storing.CONTACT_UNKNOWN: (404, CONTACT_NOT_FOUND),
    storing.PROPERTY_INVALID: (400, INVALID_PROPERTY),
    storing.ERROR: (400, INVALID_STATE),
}


class WritingView(MailPlusView):
    def store(self, contacts: Sequence[tuple[str, Any]], purge: bool, mode: Mode) -> list[Stored]:
        """`contacts`: (external id, its properties as they came). An answer for each, in order."""
        words = vocabulary_of(self.client.account_id)
        answers: dict[int, Stored] = {}
        readable: list[Wanted] = []
        places: list[int] = []
        for index, (external_id, properties) in enumerate(contacts):
            try:
                readable.append(to_wanted(external_id, properties, words, purge))
                places.append(index)
            except BadProperty as error:
                answers[index] = Stored(external_id, storing.PROPERTY_INVALID, str(error))
        if any(one.permissions for one in readable):
            require_scope(self.client, ApiKey.Scope.CONSENTS_WRITE)
        answers |= dict(zip(places, store(self.client, readable, mode), strict=True))
        self.request._request.api_items = (len(contacts), count_failed(answers))  # type: ignore[attr-defined]
        return [answers[index] for index in range(len(contacts))]

    def store_one(
        self, external_id: str, fields: dict[str, Any], contact: dict[str, Any], mode: Mode
    ) -> None:
        pair = (external_id, contact.get("properties"))
        (stored,) = self.store([pair], to_flag(fields, "purge"), mode)
        if stored.code != storing.OK:
            status, error_type = FAILURES[stored.code]
            raise Failure(status, error_type, stored.message)


class ContactsView(WritingView):
    """`POST /contact`"""

    scopes = {"POST": ApiKey.Scope.CONTACTS_WRITE}

    def post(self, request: Request) -> HttpResponse:
        fields = self.fields()
        contact = to_object(fields.get("contact"), "contact")
        external_id = to_external_id(contact.get("externalId"), "externalId")
        self.store_one(external_id, fields, contact, mode_of(fields))
        return no_content()


class ContactView(WritingView):
    """`GET` and `PUT /contact/{externalId}`"""

    scopes = {"GET": ApiKey.Scope.CONTACTS_READ, "PUT": ApiKey.Scope.CONTACTS_WRITE}

    def get(self, request: Request, external_id: str) -> HttpResponse:
        rows = Profile.objects.of(self.client.account_id).filter(external_id=to_id(external_id))
        profile = rows.first()
        if profile is None:
            raise Failure(404, CONTACT_NOT_FOUND, "There is no contact with this externalId.")
        return self.answer("contact", show_one(profile, self.words()))

    def put(self, request: Request, external_id: str) -> HttpResponse:
        fields, wanted_id = self.fields(), to_id(external_id)
        contact = to_object(fields.get("contact"), "contact")
        given = contact.get("externalId")
        if given is not None and to_text(given) != wanted_id:
            raise invalid("externalId must be that of the address.")
        self.store_one(wanted_id, fields, contact, Mode.CHANGE)
        return no_content()

    def words(self) -> Vocabulary:
        return vocabulary_of(self.client.account_id)


class ContactListView(ContactView):
    """`POST /contact/list`: up to 100 contacts, a code for each. Otherwise the contact called “list”."""

    scopes = {**ContactView.scopes, "POST": ApiKey.Scope.CONTACTS_WRITE}

    def post(self, request: Request, external_id: str) -> HttpResponse:
        fields = self.fields()
        given = to_list(fields, "contacts")
        if len(given) > MOST_CONTACTS:
            raise Failure(
                400, INVALID_PARAMS, f"A call may hold {MOST_CONTACTS} contacts; {len(given)} came."
            )
        contacts = [to_object(one, "Each contact") for one in given]
        pairs = [
            (to_external_id(one.get("externalId"), "The externalId of each contact"), one.get("properties"))
            for one in contacts
        ]
        stored = self.store(pairs, to_flag(fields, "purge"), mode_of(fields))
        answers = [
            {"externalId": one.external_id, "code": one.code, "message": one.message} for one in stored
        ]
        return self.answer("results", answers)


def mode_of(fields: dict[str, Any]) -> Mode:
    """`update: true` stores whoever it is; false, which is also what absent means, only makes new contacts."""
    return Mode.UPSERT if to_flag(fields, "update") else Mode.CREATE


def count_failed(answers: dict[int, Stored]) -> int:
    return sum(one.code != storing.OK for one in answers.values())
