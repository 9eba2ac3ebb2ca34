"""What every call that changes members shares: scopes, quota, and the answer when some items failed."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from msgspec import UNSET

from audiences.api.answering import failed_of, is_refused, to_members
from audiences.api.decoding import Batch
from audiences.api.excess import keep_errors
from audiences.api.members_wire import ChangesOut
from audiences.api.wire import BatchOut, OperationIn
from audiences.ingest import Result
from audiences.models import Audience
from syncapp.accounts.keys import Client
from syncapp.accounts.models import ApiKey
from syncapp.api import rates
from syncapp.api.authentication import require_scope
from syncapp.api.problems import Problem, to_response
from syncapp.api.views import ApiView, json


class ChangeView(ApiView):
    """Takes from the key's quota of member operations, and tells what is left of it."""

    operations_left: rates.Quota | None = None

    def take_operations(self, count: int) -> None:
        self.operations_left = rates.take_member_operations(self.client, count)

    def with_quota(self, response: HttpResponse) -> HttpResponse:
        if self.operations_left is not None:
            for name, value in rates.headers_of("member-operations", self.operations_left).items():
                response.headers[name] = value
        return response


def require_scopes_of(client: Client, batch: Batch[Any], *unknown: str) -> None:
    """Contact data and consents need scopes of their own, also where only one item has them."""
    items = [item for item in batch.items if isinstance(item, OperationIn)]
    if Audience.Unknown.CREATE in unknown or any(writes_data(item) for item in items):
        require_scope(client, ApiKey.Scope.CONTACTS_WRITE)
    if any(item.consents for item in items):
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


def finish(
    http: HttpRequest,
    client: Client,
    batch: Batch[Any],
    result: Result,
    answer: BatchOut | ChangesOut,
    audience: Audience | None,
) -> HttpResponse:
    """200, 207 where some items failed, 422 where that stopped all of them.

    The refusal is an answer here and no exception: nothing was applied, but its errors may be kept.
    """
    http.api_items = (len(batch.items), answer.summary.failed)  # type: ignore[attr-defined]  # for the log of calls
    if answer.errors_truncated:
        answer.errors_url = keep_errors(client, batch, failed_of(batch, result), audience)
    if is_refused(batch, result):
        words = "At least one operation failed; atomic was asked, so nothing was applied."
        return to_response(Problem("validation_failed", words, **to_members(answer)), http)
    return json(answer, status=207 if answer.summary.failed > 0 else 200)
