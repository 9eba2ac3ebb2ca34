"""`POST /api/v1/audiences/{external_id}/members/batch`: put people in and take them out, up to 10,000 at once."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.http import HttpRequest, HttpResponse
from rest_framework.request import Request

from audiences import ingest
from audiences.api import resource
from audiences.api.answering import is_refused, to_answer
from audiences.api.changing import ChangeView, finish, require_scopes_of
from audiences.api.decoding import Batch, decode
from audiences.api.documentation import members as docs
from audiences.api.operations import to_operations
from audiences.api.single import MemberView
from audiences.api.wire import BatchIn
from audiences.ingest import Result
from audiences.ingest.types import Kind
from audiences.models import Audience
from syncapp.accounts.keys import Client
from syncapp.accounts.models import Account
from syncapp.api import bodies, conditions, idempotency
from syncapp.api.problems import request_id_of
from syncapp.api.views import flag, to_external_id

NAME = "batch"


class BatchView(ChangeView):
    """Only POST is a batch: everything else on this address is about a contact called "batch"."""

    scopes = {"POST": "members:write"}
    query = {"POST": ("external_id", "verbose")}

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        if request.method in ("GET", "HEAD", "PUT", "DELETE"):
            return MemberView.as_view()(request, *args, contact_external_id=NAME, **kwargs)
        return super().dispatch(request, *args, **kwargs)

    @property
    def default_response_headers(self) -> dict[str, str]:
        return {**super().default_response_headers, "Allow": "GET, HEAD, POST, PUT, DELETE"}

    @docs.CHANGE_MEMBERS
    def post(self, request: Request, external_id: str) -> HttpResponse:
        http, wanted_id = request._request, to_external_id(request._request, external_id)
        body = bodies.read(http)
        prepare = partial(self.prepare, http, body, wanted_id)
        perform = partial(self.perform, http, wanted_id)
        return self.with_quota(idempotency.once(http, self.client, body, prepare, perform))

    def prepare(self, http: HttpRequest, body: bytes, external_id: str) -> Batch[BatchIn]:
        """Everything that can be refused without writing."""
        audience = resource.find(self.client, external_id)
        resource.require_pushed(audience)
        batch = decode(body, BatchIn)
        batch.envelope.verbose = batch.envelope.verbose or flag(http, "verbose")
        require_scopes_of(self.client, batch, batch.envelope.unknown_contacts or audience.unknown_contacts)
        self.take_operations(len(batch.items))
        return batch

    def perform(self, http: HttpRequest, external_id: str, batch: Batch[BatchIn]) -> HttpResponse:
        audience = resource.find(self.client, external_id)
        result = apply(self.client, audience, batch)
        answer = to_answer(batch, result, audience, request_id_of(http))
        response = finish(http, self.client, batch, result, answer, audience)
        if not is_refused(batch, result):
            response.headers["ETag"] = conditions.etag(answer.version)
        return response


def apply(client: Client, audience: Audience, batch: Batch[BatchIn]) -> Result:
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
