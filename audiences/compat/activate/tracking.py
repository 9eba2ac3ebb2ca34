"""`POST v1/track`: events, and what they say of people: profile fields and consents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson
from django.db import connection, transaction
from django.http import HttpResponse
from django.utils import timezone
from rest_framework.request import Request

from audiences import ingest
from audiences.compat.activate import events
from audiences.compat.activate.events import BadEvent, Event, Vocabulary
from audiences.compat.activate.views import ActivateView, items_of
from audiences.ingest import KEEP, ConsentGiven, Contact, Operation
from audiences.models import Event as StoredEvent
from audiences.models import Objective, Profile, Property, push_settings
from syncapp.accounts.keys import Client
from syncapp.accounts.models import Account, ApiKey
from syncapp.api.authentication import require_scope
from syncapp.api.views import json

MOST_EVENTS = 1_000
STREAM = "activate"

# In the order of keys, so that two calls with the same events wait for each other instead of deadlocking.
STORE = """
INSERT INTO audiences_event (account_id, profile_id, stream, type, occurred_at, recorded_at, dedupe_key, data)
SELECT %(account)s, given.profile_id, %(stream)s, given.type, given.occurred_at, %(now)s, given.dedupe_key, given.data
FROM unnest(
    %(profile_ids)s::bigint[], %(types)s::text[], %(times)s::timestamptz[], %(keys)s::text[], %(data)s::jsonb[]
) AS given (profile_id, type, occurred_at, dedupe_key, data)
ORDER BY given.dedupe_key COLLATE "C"
ON CONFLICT (account_id, stream, dedupe_key) DO NOTHING
"""


@dataclass(slots=True)
class Answer:
    """`events`: stored ones by their place in the call. Errors and what was ignored name that place."""

    events: dict[int, Event] = field(default_factory=dict)
    errors: list[dict[str, Any]] = field(default_factory=list)
    created: int = 0
    updated: int = 0
    stored: int = 0
    duplicates: int = 0

    def refuse(self, index: int, code: str, detail: str) -> None:
        self.events.pop(index, None)
        self.errors.append({"index": index, "code": code, "detail": detail})

    @property
    def ignored(self) -> list[dict[str, Any]]:
        return [
            {"index": index, "field": name, "reason": why}
            for index, event in sorted(self.events.items())
            for name, why in event.ignored.items()
        ]


class TrackView(ActivateView):
    scopes = {"POST": ApiKey.Scope.CONTACTS_WRITE}

    def post(self, request: Request) -> HttpResponse:
        fields = self.fields()
        given = items_of(fields, "events", MOST_EVENTS) if "events" in fields else [fields]
        answer = read_all(self.client.account_id, given)
        if any(event.consents for event in answer.events.values()):
            require_scope(self.client, ApiKey.Scope.CONSENTS_WRITE)
        if answer.events:
            store(self.client, answer)
        request._request.api_items = (len(given), len(answer.errors))  # type: ignore[attr-defined]
        return to_response(answer)


def read_all(account_id: int, given: Sequence[Any]) -> Answer:
    words, now, answer = vocabulary_of(account_id), timezone.now(), Answer()
    for index, one in enumerate(given):
        try:
            answer.events[index] = events.read(one, words, now)
        except BadEvent as error:
            answer.refuse(index, error.code, error.detail)
    return answer


def vocabulary_of(account_id: int) -> Vocabulary:
    properties = Property.objects.of(account_id).order_by().values_list("key", "type")
    objectives = Objective.objects.of(account_id).order_by().values_list("key", flat=True)
    mapping = push_settings(account_id).activate_objectives
    return Vocabulary(dict(properties), frozenset(objectives), mapping)


@transaction.atomic
def store(client: Client, answer: Answer) -> None:
    """People first, then the events on them. What was sent before with its time has done its work already."""
    now = timezone.now()
    known = stored_before(client.account_id, answer.events)
    fresh = {
        index: event
        for index, event in answer.events.items()
        if event.dedupe_key not in known or event.timestamp is None
    }
    result = ingest.apply(
        account=Account(pk=client.account_id),
        audience=None,
        operations=[
            to_operation(index, event, now) for index, event in fresh.items() if event.names_somebody
        ],
        unknown="create",
        source=f"api:{client.label}",
        verbose=True,
        now=now,
    )
    for item in result.errors:
        settle_failed(answer, fresh[item.index], item)
    answer.created, answer.updated = result.counts["created"], result.counts["updated"]
    kept = {index: event for index, event in fresh.items() if index in answer.events}
    answer.stored = store_events(client.account_id, kept, people_of(client.account_id, kept, result), now)
    answer.duplicates = len(answer.events) - answer.stored


def stored_before(account_id: int, found: dict[int, Event]) -> set[str]:
    keys = [event.dedupe_key for event in found.values()]
    rows = StoredEvent.objects.of(account_id).filter(stream=STREAM, dedupe_key__in=keys)
    return set(rows.values_list("dedupe_key", flat=True))


def to_operation(index: int, event: Event, now: datetime) -> Operation:
    """By userid where there is one, else by address, else by the hash of one, which makes nobody."""
    moment = event.timestamp or now
    consents = tuple(
        ConsentGiven(objective, "granted" if granted else "denied", moment, "api", {"event": event.name})
        for objective, granted in event.consents.items()
    )
    if event.external_id is not None:
        contact = Contact(event.email or KEEP, event.external_id, event.properties)
        return Operation(index, "upsert", "external_id", event.external_id, contact, consents, moment)
    contact = Contact(properties=event.properties)
    if event.email is not None:
        return Operation(index, "upsert", "email", event.email, contact, consents, moment)
    return Operation(index, "upsert", "email_sha256", event.email_sha256 or "", contact, consents, moment)


def settle_failed(answer: Answer, event: Event, item: ingest.ItemOutcome) -> None:
    """Nobody has an address of this hash yet: the event stays, on nobody, and keeps the visitor that links it."""
    if item.code == "contact_not_found" and event.email_sha256 is not None and event.external_id is None:
        lost = {**event.properties, **event.consents}
        if lost:
            event.ignored["email"] = f"Nobody has an address of this hash; not stored: {', '.join(lost)}."
        return
    answer.refuse(item.index, item.code.upper(), item.detail)


def people_of(account_id: int, kept: dict[int, Event], result: ingest.Result) -> dict[int, int]:
    """{place: person}. An item that gave way to a later one about somebody new is looked up by name."""
    found = {item.index: item.profile_id for item in result.items if item.profile_id is not None}
    missing = {index: event for index, event in kept.items() if index not in found and event.names_somebody}
    rows = Profile.objects.of(account_id)
    ids = {event.external_id for event in missing.values()} - {None}
    addresses = {event.email for event in missing.values()} - {None}
    by_id = dict(rows.filter(external_id__in=ids).values_list("external_id", "pk")) if ids else {}
    by_email = dict(rows.filter(email__in=addresses).values_list("email", "pk")) if addresses else {}
    for index, event in missing.items():
        person = by_id.get(event.external_id) if event.external_id is not None else by_email.get(event.email)
        if person is not None:
            found[index] = person
    return found


def store_events(account_id: int, kept: dict[int, Event], people: dict[int, int], now: datetime) -> int:
    """One statement; returns how many were new."""
    values: dict[str, Any] = {
        "account": account_id,
        "stream": STREAM,
        "now": now,
        "profile_ids": [people.get(index) for index in kept],
        "types": [event.name for event in kept.values()],
        "times": [event.timestamp or now for event in kept.values()],
        "keys": [event.dedupe_key for event in kept.values()],
        "data": [orjson.dumps(event.data).decode() for event in kept.values()],
    }
    with connection.cursor() as cursor:
        cursor.execute(STORE, values)
        return int(cursor.rowcount)


def to_response(answer: Answer) -> HttpResponse:
    """400 where nothing at all could be taken; otherwise the errors say which events to look at."""
    body = {
        "success": not answer.errors,
        "created": answer.created,
        "updated": answer.updated,
        "events": answer.stored,
        "duplicates": answer.duplicates,
        "errors": sorted(answer.errors, key=lambda error: error["index"]),
        "ignored": answer.ignored,
    }
    return json(body, status=200 if answer.events else 400)
