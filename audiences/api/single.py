"""`/api/v1/audiences/{external_id}/members/{contact_external_id}`: one person in one audience."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Any
from urllib.parse import quote

from django.http import HttpRequest, HttpResponse
from msgspec import UNSET
from rest_framework.request import Request

from audiences import ingest
from audiences.api import resource
from audiences.api.changing import ChangeView
from audiences.api.documentation import members as docs
from audiences.api.jobs import BASE
from audiences.api.member_rows import find, find_waiting, to_member
from audiences.api.members_wire import MemberIn, MemberPutOut, PutContact
from audiences.api.moments import WORDS, is_storable, moment_of
from audiences.ingest import ItemOutcome, Operation
from audiences.ingest.types import Op
from audiences.models import Audience
from syncapp.accounts.keys import Client
from syncapp.accounts.models import Account, ApiKey
from syncapp.api import bodies, conditions, idempotency
from syncapp.api.authentication import require_scope
from syncapp.api.problems import Problem, invalid
from syncapp.api.views import json, to_external_id

CONTACT = "contact_external_id"
STATUS = {"added": 201, "already_member": 200, "stale": 200, "held": 202}


class MemberView(ChangeView):
    scopes = {"GET": "members:read", "PUT": "members:write", "DELETE": "members:write"}
    query = {
        "GET": ("external_id", CONTACT),
        "PUT": ("external_id", CONTACT),
        "DELETE": ("external_id", CONTACT, "occurred_at"),
    }

    @docs.GET_MEMBER
    def get(self, request: Request, external_id: str, contact_external_id: str) -> HttpResponse:
        http = request._request
        audience = resource.find(self.client, to_external_id(http, external_id))
        member = find(audience, to_external_id(http, contact_external_id, CONTACT))
        if member is None or not member.is_member:
            raise Problem("member_not_found", "There is no such member in this audience.")
        return json(to_member(member))

    @docs.PUT_MEMBER
    def put(self, request: Request, external_id: str, contact_external_id: str) -> HttpResponse:
        http, wanted_id = request._request, to_external_id(request._request, external_id)
        contact_id = to_external_id(http, contact_external_id, CONTACT)
        body = bodies.read_if_any(http)
        prepare = partial(self.prepare_put, body, wanted_id)
        perform = partial(self.add, http, contact_id)
        return self.with_quota(idempotency.once(http, self.client, body, prepare, perform))

    def prepare_put(self, body: bytes, external_id: str) -> tuple[Audience, MemberIn]:
        wanted = bodies.decode(body, MemberIn)
        if not is_storable(wanted.occurred_at):
            raise invalid("/occurred_at", WORDS)
        audience = self.prepare(external_id)
        if (wanted.unknown_contacts or audience.unknown_contacts) == Audience.Unknown.CREATE:
            require_scope(self.client, ApiKey.Scope.CONTACTS_WRITE)
        return audience, wanted

    def prepare(self, external_id: str) -> Audience:
        audience = resource.find(self.client, external_id)
        resource.require_pushed(audience)
        self.take_operations(1)
        return audience

    def add(self, http: HttpRequest, contact_id: str, prepared: tuple[Audience, MemberIn]) -> HttpResponse:
        audience, wanted = prepared
        unknown = wanted.unknown_contacts or audience.unknown_contacts
        outcome, version = apply(
            self.client, audience, "add", contact_id, wanted.occurred_at or None, unknown
        )
        http.api_items = (1, int(outcome.outcome == "failed"))  # type: ignore[attr-defined]
        if outcome.outcome == "failed":
            raise refusal(outcome)
        headers = {"ETag": conditions.etag(version)}
        if outcome.outcome == "added":
            headers["Location"] = location_of(audience.external_id, contact_id)
        return json(to_put(audience, contact_id, outcome), status=STATUS[outcome.outcome], headers=headers)

    @docs.DELETE_MEMBER
    def delete(self, request: Request, external_id: str, contact_external_id: str) -> HttpResponse:
        http, wanted_id = request._request, to_external_id(request._request, external_id)
        contact_id = to_external_id(http, contact_external_id, CONTACT)
        occurred_at = moment_of(http, "occurred_at")
        prepare = partial(self.prepare, wanted_id)
        perform = partial(self.remove, http, contact_id, occurred_at)
        return self.with_quota(idempotency.once(http, self.client, b"", prepare, perform))

    def remove(
        self, http: HttpRequest, contact_id: str, occurred_at: datetime | None, audience: Audience
    ) -> HttpResponse:
        outcome, _version = apply(
            self.client, audience, "remove", contact_id, occurred_at, audience.unknown_contacts
        )
        http.api_items = (1, int(outcome.outcome == "failed"))  # type: ignore[attr-defined]
        if outcome.outcome == "failed":
            raise refusal(outcome)
        return HttpResponse(status=204)


def apply(
    client: Client, audience: Audience, op: Op, contact_id: str, occurred_at: datetime | None, unknown: str
) -> tuple[ItemOutcome, int]:
    """What became of it, and the audience's version: a batch of one."""
    result = ingest.apply(
        account=Account(pk=client.account_id),
        audience=audience,
        operations=[Operation(0, op, "external_id", contact_id, occurred_at=occurred_at)],
        unknown=unknown,  # type: ignore[arg-type]
        source=f"api:{client.label}",
        verbose=True,
    )
    return result.items[0], result.version


def to_put(audience: Audience, contact_id: str, outcome: ItemOutcome) -> MemberPutOut:
    """What is stored now. Of somebody nobody knows, and who does not wait either, only the replace before is known."""
    told: dict[str, Any] = {"outcome": outcome.outcome, "applied": outcome.outcome != "stale"}
    row = find(audience, contact_id)
    if row is not None:
        contact = PutContact(row.external_id, row.email, str(row.profile_id))
        at = row.added_at if row.is_member else None
        return MemberPutOut(
            **told, contact=contact, added_at=at, last_change_at=row.last_change_at, source=row.source or ""
        )
    waiting = find_waiting(audience, contact_id)
    unknown = PutContact(contact_id, None, None)
    if waiting is None:
        return MemberPutOut(
            **told, contact=unknown, added_at=None, last_change_at=audience.replaced_at, source=""
        )
    return MemberPutOut(
        **told,
        contact=unknown,
        added_at=None,
        last_change_at=waiting.last_change_at,
        source=waiting.source,
        held_until=waiting.expires_at if outcome.outcome == "held" else UNSET,
    )


def location_of(external_id: str, contact_id: str) -> str:
    return f"{BASE}/audiences/{quote(external_id, safe='')}/members/{quote(contact_id, safe='')}"


def refusal(outcome: ItemOutcome) -> Problem:
    """The item's code is the call's."""
    codes = {"contact_not_found", "erased", "timestamp_in_future"}
    if outcome.code in codes:
        return Problem(outcome.code, outcome.detail)
    return Problem("invalid_external_id", outcome.detail)
