"""`POST /api/v1/contacts/imports`: people by the million, as a job."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import orjson
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from rest_framework.request import Request

from audiences.api import contact_items, resource
from audiences.api.contact_wire import ContactsImportIn
from audiences.api.contacts_called import CalledContactView
from audiences.api.documentation import imports as docs
from audiences.api.jobs import job_answer
from audiences.imports.lines import Rows, json_lines
from audiences.imports.receiving import Body
from audiences.imports.storing import Store
from audiences.models import Audience, Property
from syncapp.accounts.models import ApiKey
from syncapp.api import bodies, idempotency, limits
from syncapp.api.authentication import require_scope
from syncapp.api.problems import Problem, invalid, invalid_parameter

NDJSON, CSV = "application/x-ndjson", "text/csv"
FILES = {NDJSON: NDJSON, "application/ndjson": NDJSON, "application/jsonl": NDJSON, CSV: CSV}
PATH = "/api/v1/contacts/imports"
IN_QUERY = ("mode", "merge", "audience")
CHOICES = {"mode": ("upsert", "create", "update"), "merge": ("by_email",)}

bodies.allow_large(PATH, limits.IMPORT_BYTES)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be done with the contacts; `audience` is an external id."""

    mode: str = "upsert"
    merges: bool = False
    audience: str | None = None


class ImportsView(CalledContactView):
    called = "imports"
    scopes = {**CalledContactView.scopes, "POST": "contacts:write"}
    query = {**CalledContactView.query, "POST": IN_QUERY}

    @docs.IMPORT_CONTACTS
    def post(self, request: Request) -> HttpResponse:
        http = request._request
        media_type = FILES.get(http.META.get("CONTENT_TYPE", "").partition(";")[0].strip().lower())
        if media_type is None:
            bodies.check_media_type(http, (*bodies.MEDIA_TYPES, *FILES))
            return self.import_inline(http)
        bodies.check_media_type(http, tuple(FILES))
        return self.import_file(http, media_type)

    def import_inline(self, http: HttpRequest) -> HttpResponse:
        if http.GET:
            raise invalid_parameter(next(iter(http.GET)), "With JSON this stands in the body.")
        body = bodies.read(http)
        prepare = partial(self.prepare, body)
        return idempotency.once(http, self.client, body, prepare, partial(self.queue, http))

    def prepare(self, body: bytes) -> tuple[Wanted, Audience | None, list[Any]]:
        value = bodies.check_json(body)
        envelope, contacts = decode(value)
        wanted = Wanted(envelope.mode, envelope.merge == "by_email", envelope.audience or None)
        if contact_items.has_consents(contacts):
            require_scope(self.client, ApiKey.Scope.CONSENTS_WRITE)
        return wanted, self.find_audience(wanted), contacts

    @transaction.atomic
    def queue(self, http: HttpRequest, asked: tuple[Wanted, Audience | None, list[Any]]) -> HttpResponse:
        wanted, audience, contacts = asked
        store = self.store_for(wanted, audience)
        store.add_all(b"%d\t%s" % (place, orjson.dumps(one)) for place, one in enumerate(contacts))
        http.api_items = (store.items, 0)  # type: ignore[attr-defined]
        return job_answer(store.start(), http)

    def import_file(self, http: HttpRequest, media_type: str) -> HttpResponse:
        """Kept while it comes in; the answer to a repeated call is found when all of it is known."""
        wanted = read_query(http)
        store = self.store_for(wanted, self.find_audience(wanted))
        try:
            body = Body(http)
            columns = fill(store, body, media_type, self.property_keys())
            if store.items == 0:
                raise Problem("empty_request", "There are no contacts.")
            http.api_items = (store.items, 0)  # type: ignore[attr-defined]
            start = partial(self.start, http, store, columns)
            return idempotency.once(http, self.client, body.sha256.digest(), lambda: None, start)
        finally:
            store.discard()  # unless it was started

    def start(self, http: HttpRequest, store: Store, columns: list[str] | None, _: None) -> HttpResponse:
        return job_answer(
            store.start(is_file=True, **({} if columns is None else {"columns": columns})), http
        )

    def store_for(self, wanted: Wanted, audience: Audience | None) -> Store:
        params = {
            "mode": wanted.mode,
            "merges": wanted.merges,
            "source": f"api:{self.client.label}",
            "has_audience": audience is not None,
            "may_consent": ApiKey.Scope.CONSENTS_WRITE in self.client.scopes,
        }
        return Store(self.client, audience, params)

    def find_audience(self, wanted: Wanted) -> Audience | None:
        if wanted.audience is None:
            return None
        require_scope(self.client, ApiKey.Scope.MEMBERS_WRITE)
        audience = resource.find(self.client, wanted.audience)
        resource.require_pushed(audience)
        return audience

    def property_keys(self) -> frozenset[str]:
        rows = Property.objects.of(self.client.account_id).order_by()
        return frozenset(rows.values_list("key", flat=True))


def decode(value: Any) -> tuple[ContactsImportIn, list[Any]]:
    if not isinstance(value, dict) or not isinstance(value.get("contacts"), list):
        raise invalid(
            "/contacts" if isinstance(value, dict) else "", "Send an object with a list of contacts."
        )
    contacts = value["contacts"]
    if len(contacts) > limits.CONTACTS_PER_IMPORT_INLINE:
        raise Problem(
            "too_many_items",
            f"Inline {limits.CONTACTS_PER_IMPORT_INLINE} contacts are the most; send more of them as a file.",
            limit=limits.CONTACTS_PER_IMPORT_INLINE,
            received=len(contacts),
        )
    bare = {**value, "contacts": []}
    bodies.refuse_nul(bare)
    envelope = bodies.convert(bare, ContactsImportIn)
    if not contacts:
        raise Problem("empty_request", "There are no contacts.")
    return envelope, contacts


def read_query(http: HttpRequest) -> Wanted:
    for name, choices in CHOICES.items():
        if http.GET.get(name, choices[0]) not in choices:
            raise invalid_parameter(name, f"Known: {', '.join(choices)}.")
    return Wanted(http.GET.get("mode", "upsert"), "merge" in http.GET, http.GET.get("audience"))


def fill(store: Store, body: Body, media_type: str, keys: frozenset[str]) -> list[str] | None:
    """Keep every line; the columns of CSV."""
    if media_type == NDJSON:
        store.add_all(json_lines(body))
        return None
    rows = Rows(body, keys)
    store.add_all(rows)
    return rows.columns
