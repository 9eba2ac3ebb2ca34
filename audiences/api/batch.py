"""`POST /api/v1/audiences/{external_id}/members/batch`: put people in and take them out, up to 10,000 at once."""

from __future__ import annotations

from functools import partial

from django.http import HttpRequest, HttpResponse
from msgspec import UNSET
from rest_framework.request import Request

from audiences import ingest
from audiences.api import resource
from audiences.api.answering import is_refused, to_answer, to_members
from audiences.api.decoding import Batch, decode
from audiences.api.documentation import members as docs
from audiences.api.operations import to_operations
from audiences.api.wire import OperationIn
from audiences.ingest import Result
from audiences.ingest.types import Kind
from audiences.models import Audience
from syncapp.accounts.keys import Client
from syncapp.accounts.models import Account, ApiKey
from syncapp.api import bodies, conditions, idempotency, rates
from syncapp.api.authentication import require_scope
from syncapp.api.problems import Problem, request_id_of
from syncapp.api.views import ApiView, flag, json, to_external_id


class BatchView(ApiView):
    scopes = {"POST": "members:write"}
    query = {"POST": ("external_id", "verbose")}

    operations_left: rates.Quota | None = None

    @docs.CHANGE_MEMBERS
    def post(self, request: Request, external_id: str) -> HttpResponse:
        http, wanted_id = request._request, to_external_id(request._request, external_id)
        body = bodies.read(http)
        prepare = partial(self.prepare, http, body, wanted_id)
        response = idempotency.once(http, self.client, body, prepare, partial(self.perform, http, wanted_id))
        if self.operations_left is not None:
            for name, value in rates.headers_of("member-operations", self.operations_left).items():
                response.headers[name] = value
        return response

    def prepare(self, http: HttpRequest, body: bytes, external_id: str) -> Batch:
        """Everything that can be refused without writing."""
        audience = resource.find(self.client, external_id)
        resource.require_pushed(audience)
        batch = decode(body)
        batch.envelope.verbose = batch.envelope.verbose or flag(http, "verbose")
        require_scopes_of(self.client, batch, audience)
        self.operations_left = rates.take_member_operations(self.client, len(batch.items))
        return batch

    def perform(self, http: HttpRequest, external_id: str, batch: Batch) -> HttpResponse:
        audience = resource.find(self.client, external_id)
        result = apply(self.client, audience, batch)
        answer = to_answer(batch, result, audience, request_id_of(http))
        if is_refused(batch, result):
            words = "At least one operation failed; atomic was asked, so nothing was applied."
            raise Problem("validation_failed", words, **to_members(answer))
        headers = {"ETag": conditions.etag(answer.version)}
        return json(answer, status=207 if answer.summary.failed > 0 else 200, headers=headers)


def require_scopes_of(client: Client, batch: Batch, audience: Audience) -> None:
    """Contact data and consents need scopes of their own, also where only one item has them."""
    if (batch.envelope.unknown_contacts or audience.unknown_contacts) == Audience.Unknown.CREATE or any(
        isinstance(item, OperationIn) and writes_data(item) for item in batch.items
    ):
        require_scope(client, ApiKey.Scope.CONTACTS_WRITE)
    if any(isinstance(item, OperationIn) and item.consents for item in batch.items):
        require_scope(client, ApiKey.Scope.CONSENTS_WRITE)


def writes_data(item: OperationIn) -> bool:
    """Whether the contact says more than who it is."""
    contact = item.contact
    if contact is UNSET:
        return False
    named = item.id is not UNSET
    return (
        bool(contact.properties) or named or (contact.email is not UNSET and contact.external_id is not UNSET)
    )


def apply(client: Client, audience: Audience, batch: Batch) -> Result:
    """One unreadable item makes an atomic call a check of the others."""
    envelope = batch.envelope
    kind: Kind = envelope.identifier or audience.identifier  # type: ignore[assignment]
    return ingest.apply(
        account=Account(pk=client.account_id),
        audience=audience,
        operations=to_operations(batch, kind),
        unknown=envelope.unknown_contacts or audience.unknown_contacts,  # type: ignore[arg-type]
        source=f"api:{client.label}",
        atomic=bool(envelope.atomic),
        validate_only=bool(envelope.validate_only) or (bool(envelope.atomic) and len(batch.failures) > 0),
        verbose=bool(envelope.verbose),
    )
