"""`/api/v1/contacts/{external_id}/consents`: what a person agreed to, and when."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial
from typing import Any, Literal

from django.db import transaction
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from msgspec import Struct
from rest_framework.request import Request

from audiences import consents, contacts
from audiences.api.contact_values import to_consented, to_consents
from audiences.api.contact_wire import ConsentAnswer, ConsentPut, ConsentsOut, LedgerEntry
from audiences.api.documentation import consents as docs
from audiences.api.jobs import link
from audiences.api.moments import WORDS, is_storable
from audiences.api.wire import Time
from audiences.ingest import ConsentGiven
from audiences.models import Consent, Objective, Profile
from syncapp.api import bodies, idempotency, limits
from syncapp.api.cursors import from_cursor, to_cursor
from syncapp.api.paths import to_text
from syncapp.api.problems import Problem, invalid, invalid_parameter
from syncapp.api.views import ApiView, json, to_external_id, whole_number


class Place(Struct, array_like=True):
    """The last entry of a page of one person's ledger."""

    profile: int
    occurred_at: Time
    entry: int


class ConsentsView(ApiView):
    scopes = {"GET": "contacts:read"}
    query = {"GET": ("external_id", "cursor", "limit")}

    @docs.LIST_CONSENTS
    def get(self, request: Request, external_id: str) -> HttpResponse:
        http = request._request
        profile = contacts.find(self.client, to_external_id(http, external_id))
        size = whole_number(http, "limit", limits.PAGE_ITEMS_DEFAULT, 1, limits.PAGE_ITEMS)
        found = list(ledger_after(http, profile)[: size + 1])
        page, last = found[:size], found[size - 1] if len(found) > size else None
        cursor = None if last is None else to_cursor(Place(profile.pk, last.occurred_at, last.pk))
        answer = ConsentsOut(to_consents(profile), [to_entry(row) for row in page], cursor)
        return json(answer, headers=link(http, cursor))


class ConsentView(ApiView):
    scopes = {"PUT": "consents:write"}
    query = {"PUT": ("external_id",)}

    @docs.PUT_CONSENT
    def put(self, request: Request, external_id: str, purpose: str) -> HttpResponse:
        http, whose = request._request, to_external_id(request._request, external_id)
        body = bodies.read(http)
        prepare = partial(self.prepare, body, purpose)
        return idempotency.once(http, self.client, body, prepare, partial(self.record, whose))

    def prepare(self, body: bytes, segment: str) -> ConsentGiven:
        wanted = bodies.decode(body, ConsentPut)
        check_time(wanted.occurred_at)
        proof = {} if not wanted.proof else dict(given(wanted.proof))
        evidence = {"source": wanted.source, "channel": wanted.channel, **proof}
        objective = self.find_objective(segment)
        return ConsentGiven(objective, wanted.state, wanted.occurred_at, wanted.method or "api", evidence)

    def find_objective(self, segment: str) -> str:
        try:
            key = to_text(segment)
        except UnicodeDecodeError:
            key = ""
        known = list(
            Objective.objects.of(self.client.account_id).order_by("key").values_list("key", flat=True)
        )
        if key not in known:
            raise Problem("objective_not_found", "The account has no such purpose.", known=known)
        return key

    def record(self, external_id: str, answer: ConsentGiven) -> HttpResponse:
        with transaction.atomic():
            profile = contacts.find(self.client, external_id)
            try:
                applied = consents.record(profile=profile, given=answer, source=f"api:{self.client.label}")
            except Profile.DoesNotExist as error:
                raise contacts.not_found() from error
            profile.refresh_from_db()
        held = profile.consents[answer.objective]
        said = consents.to_answer(answer.state, answer.occurred_at)
        reason: Literal["stale", "unchanged"] | None = "unchanged" if held == said else "stale"
        reason = None if applied else reason
        stands = to_consented(held)
        return json(ConsentAnswer(answer.objective, applied, reason, stands.state, stands.at))


def given(proof: Struct) -> list[tuple[str, Any]]:
    values = ((name, getattr(proof, name)) for name in proof.__struct_fields__)
    return [(name, value) for name, value in values if isinstance(value, str)]


def check_time(moment: datetime) -> None:
    if not is_storable(moment):
        raise invalid("/occurred_at", WORDS)
    if moment > timezone.now() + timedelta(seconds=limits.FUTURE_S):
        raise Problem(
            "timestamp_in_future",
            f"occurred_at is more than {limits.FUTURE_S} s ahead of our clock.",
            errors=[
                {"pointer": "/occurred_at", "code": "timestamp_in_future", "detail": "Not later than now."}
            ],
        )


def ledger_after(http: HttpRequest, profile: Profile) -> Any:
    rows = Consent.objects.of(profile.account_id).filter(profile=profile).order_by("-occurred_at", "-id")
    cursor = http.GET.get("cursor")
    if cursor is None:
        return rows
    place = from_cursor(cursor, Place)
    if place.profile != profile.pk or not is_storable(place.occurred_at) or not 0 <= place.entry < 2**63:
        raise invalid_parameter("cursor", "This cursor belongs to another list; begin without one.")
    later = Q(occurred_at=place.occurred_at, id__lt=place.entry)
    return rows.filter(Q(occurred_at__lt=place.occurred_at) | later)


def to_entry(row: Consent) -> LedgerEntry:
    proof = dict(row.evidence)
    said = {name: proof.pop(name) for name in ("source", "channel") if isinstance(proof.get(name), str)}
    return LedgerEntry(
        purpose=row.objective_key,
        state=row.state,  # type: ignore[arg-type]  # choices of the model
        occurred_at=row.occurred_at,
        recorded_at=row.recorded_at,
        source=said.get("source"),
        channel=said.get("channel"),
        method=row.method,
        proof=proof,
        told_by=row.source,
    )
