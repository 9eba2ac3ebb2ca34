"""`POST /api/v1/contacts/batch`: create and change up to 1,000 people at once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import msgspec
from django.http import HttpRequest, HttpResponse
from msgspec import UNSET
from rest_framework.request import Request

from audiences import contact_modes
from audiences.api import contact_items
from audiences.api.contact_items import Items
from audiences.api.contact_wire import (
    ContactBatchIn,
    ContactBatchOut,
    ContactOutcome,
    ContactProblem,
    ContactSummary,
)
from audiences.api.contacts_called import CalledContactView
from audiences.api.documentation import contacts as docs
from audiences.contact_modes import Wish
from audiences.ingest import ItemOutcome, Result
from syncapp.accounts.models import ApiKey
from syncapp.api import bodies, idempotency, limits, rates
from syncapp.api.authentication import require_scope
from syncapp.api.problems import Problem, invalid, request_id_of
from syncapp.api.views import flag, json


@dataclass(frozen=True, slots=True)
class Batch:
    envelope: ContactBatchIn
    items: Items


class ContactBatchView(CalledContactView):
    called = "batch"
    scopes = {**CalledContactView.scopes, "POST": "contacts:write"}
    query = {**CalledContactView.query, "POST": ("verbose",)}

    operations_left: rates.Quota | None = None

    @docs.STORE_CONTACTS
    def post(self, request: Request) -> HttpResponse:
        http = request._request
        body = bodies.read(http)
        prepare = partial(self.prepare, http, body)
        response = idempotency.once(http, self.client, body, prepare, partial(self.perform, http))
        if self.operations_left is not None:
            for name, value in rates.headers_of("member-operations", self.operations_left).items():
                response.headers[name] = value
        return response

    def prepare(self, http: HttpRequest, body: bytes) -> Batch:
        """Everything that can be refused without writing."""
        value = bodies.check_json(body)
        batch = decode(value, flag(http, "verbose"))
        if contact_items.has_consents(value["contacts"]):
            require_scope(self.client, ApiKey.Scope.CONSENTS_WRITE)
        self.operations_left = rates.take_member_operations(self.client, len(batch.items))
        return batch

    def perform(self, http: HttpRequest, batch: Batch) -> HttpResponse:
        envelope, items = batch.envelope, batch.items
        wish = Wish(
            self.client.account_id,
            f"api:{self.client.label}",
            mode=envelope.mode,
            merges=envelope.merge == "by_email",
            atomic=envelope.atomic,
            validate_only=envelope.validate_only,
        )
        result, refused = contact_modes.carry_out(wish, items.operations, len(items.failures) > 0)
        answer = to_answer(batch, result, {**items.failures, **refused}, request_id_of(http))
        http.api_items = (answer.summary.received, answer.summary.failed)  # type: ignore[attr-defined]
        if envelope.atomic and answer.summary.failed:
            words = "At least one contact failed; atomic was asked, so nothing was applied."
            members = msgspec.to_builtins(answer)
            members.pop("request_id")
            raise Problem("validation_failed", words, **members)
        return json(answer, status=207 if answer.summary.failed else 200)


def decode(value: Any, verbose: bool) -> Batch:
    """Raises Problem where the envelope is wrong; nothing of it is applied then."""
    if not isinstance(value, dict) or not isinstance(value.get("contacts"), list):
        raise invalid(
            "/contacts" if isinstance(value, dict) else "", "Send an object with a list of contacts."
        )
    contacts = value["contacts"]
    if len(contacts) > limits.CONTACTS_PER_REQUEST:
        raise Problem(
            "too_many_items",
            f"A call may have {limits.CONTACTS_PER_REQUEST} contacts at most; {len(contacts)} came.",
            limit=limits.CONTACTS_PER_REQUEST,
            received=len(contacts),
        )
    bare = {**value, "contacts": []}
    bodies.refuse_nul(bare)
    envelope = bodies.convert(bare, ContactBatchIn)
    if not contacts:
        raise Problem("empty_request", "There are no contacts.")
    envelope.verbose = envelope.verbose or verbose
    return Batch(envelope, contact_items.read(enumerate(contacts)))


def to_answer(
    batch: Batch, result: Result, failures: dict[int, ItemOutcome], request_id: str
) -> ContactBatchOut:
    failed = sorted([*result.errors, *failures.values()], key=lambda outcome: outcome.index)
    warnings = result.warnings
    is_refused = batch.envelope.atomic and len(failed) > 0
    return ContactBatchOut(
        request_id=request_id,
        validate_only=batch.envelope.validate_only,
        summary=to_summary(batch, result, len(failed), is_refused),
        errors=[to_problem(batch.items, one) for one in failed[: limits.INLINE_ERRORS]],
        errors_truncated=len(failed) > limits.INLINE_ERRORS,
        warnings=[to_problem(batch.items, one) for one in warnings[: limits.INLINE_ERRORS]],
        warnings_truncated=len(warnings) > limits.INLINE_ERRORS,
        items=to_outcomes(result, failures, is_refused) if batch.envelope.verbose else UNSET,
    )


def to_summary(batch: Batch, result: Result, failed: int, is_refused: bool) -> ContactSummary:
    received = len(batch.items)
    if is_refused:
        return ContactSummary(received=received, failed=failed, not_applied=received - failed)
    effects = {name: result.counts[name] for name in ("created", "updated", "unchanged", "superseded")}
    return ContactSummary(received=received, failed=failed, **effects)


def to_problem(items: Items, outcome: ItemOutcome) -> ContactProblem:
    return ContactProblem(
        index=outcome.index,
        pointer=f"/contacts/{outcome.index}{items.pointer_of(outcome)}",
        code=outcome.code or outcome.outcome,
        detail=outcome.detail,
        retryable=outcome.retryable,
        holder=outcome.holder,
    )


def to_outcomes(result: Result, failures: dict[int, ItemOutcome], is_refused: bool) -> list[ContactOutcome]:
    found = {outcome.index: outcome for outcome in result.items} | failures
    return [
        ContactOutcome(index, "not_applied")
        if is_refused and outcome.outcome != "failed"
        else ContactOutcome(index, outcome.outcome, outcome.code)  # type: ignore[arg-type]
        for index, outcome in sorted(found.items())
    ]
