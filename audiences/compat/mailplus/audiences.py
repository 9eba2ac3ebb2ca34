"""The six audience calls of Mail+."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pghistory
from django.db import transaction
from django.http import HttpResponse
from rest_framework.request import Request

from audiences import ingest
from audiences.api import ending, resource
from audiences.api.wire import AudienceIn, AudienceNew
from audiences.compat.mailplus import formats
from audiences.compat.mailplus.errors import (
    CONTACT_NOT_FOUND,
    INVALID_PARAMS,
    INVALID_STATE,
    RESOURCE_NOT_FOUND,
    Failure,
)
from audiences.compat.mailplus.moments import parse, to_moment
from audiences.compat.mailplus.reading import invalid, to_external_id, to_list, to_text
from audiences.compat.mailplus.views import MailPlusView, no_content, to_id
from audiences.emptying import empty
from audiences.ingest import Operation
from audiences.ingest.types import Op
from audiences.models import Audience, push_settings
from syncapp.accounts.models import Account, ApiKey
from syncapp.api import limits, rates
from syncapp.api.authentication import require_scope
from syncapp.audit.noting import note

MOST_CONTACTS = 2_500
NOBODY = ("contact_not_found", "erased")


class AudiencesView(MailPlusView):
    """`POST /audience`: make one. 200, and 417 for whatever its id or name does not allow."""

    scopes = {"POST": ApiKey.Scope.AUDIENCES_WRITE}

    def post(self, request: Request) -> HttpResponse:
        fields = self.fields()
        external_id = to_external_id(fields.get("externalId"), "externalId", 417)
        given = to_given(fields)
        with pghistory.context(key=self.client.label):
            audience = resource.create(self.client, AudienceNew(external_id=external_id, **given))
        return self.answer("audience", to_out(audience))


class AudienceView(MailPlusView):
    scopes = {
        "GET": ApiKey.Scope.AUDIENCES_READ,
        "PUT": ApiKey.Scope.AUDIENCES_WRITE,
        "DELETE": ApiKey.Scope.AUDIENCES_DELETE,
    }

    def get(self, request: Request, external_id: str) -> HttpResponse:
        return self.answer("audience", to_out(resource.find(self.client, to_id(external_id))))

    def put(self, request: Request, external_id: str) -> HttpResponse:
        fields, wanted_id = self.fields(), to_id(external_id)
        if to_text(fields.get("externalId")) != wanted_id:
            raise invalid("externalId must be that of the address.")
        given = to_given(fields)
        with pghistory.context(key=self.client.label):
            audience, _ = resource.put(self.client, wanted_id, AudienceIn(**given), refuse_missing)
        return self.answer("audience", to_out(audience))

    def delete(self, request: Request, external_id: str) -> HttpResponse:
        unwanted_id = to_id(external_id)
        resource.find(self.client, unwanted_id)
        with pghistory.context(key=self.client.label), transaction.atomic():
            job = ending.delete(self.client, unwanted_id, lambda version: None)
            if job is not None:  # it is taken back with the transaction
                raise needs_approval("Deleting an audience")
        return no_content()


class AudienceContactsView(MailPlusView):
    """`POST` adds and `DELETE` takes out, up to 2,500 contacts by their external ids: all of them, or none."""

    scopes = {"POST": ApiKey.Scope.MEMBERS_WRITE, "DELETE": ApiKey.Scope.MEMBERS_WRITE}

    def post(self, request: Request, external_id: str) -> HttpResponse:
        ids = to_ids(self.fields())
        self.apply("add", to_id(external_id), ids)
        return no_content()

    def delete(self, request: Request, external_id: str) -> HttpResponse:
        body = self.body()
        given = formats.decode(request._request, body) if body else None
        if given is None:
            return self.empty(to_id(external_id))
        if not isinstance(given, dict):
            raise invalid("The body must be an object.")
        self.apply("remove", to_id(external_id), to_ids(given))
        return no_content()

    def apply(self, op: Op, external_id: str, ids: Sequence[str]) -> None:
        audience = resource.find(self.client, external_id)
        resource.require_pushed(audience)
        rates.take_member_operations(self.client, len(ids))
        result = ingest.apply(
            account=Account(pk=self.client.account_id),
            audience=audience,
            operations=[Operation(n, op, "external_id", one) for n, one in enumerate(ids)],
            unknown="reject",
            source=f"api:{self.client.label}",
            atomic=True,
        )
        refuse_failed(ids, result)

    def empty(self, external_id: str) -> HttpResponse:
        """What Mail+ makes of a body that is absent or null, where the account wants it so."""
        require_scope(self.client, ApiKey.Scope.MEMBERS_REPLACE)
        audience = resource.find(self.client, external_id)
        resource.require_pushed(audience)
        if not push_settings(self.client.account_id).mailplus_may_empty:
            raise invalid(
                "A removal without a body would empty the audience; this account does not allow that. "
                "Name the contacts, or ask for it to be allowed in the push settings."
            )
        try:
            self.take_everybody_out(audience)
        except Audience.DoesNotExist as error:  # deleted meanwhile
            raise resource.not_found() from error
        return no_content()

    @transaction.atomic
    def take_everybody_out(self, audience: Audience) -> None:
        if push_settings(self.client.account_id).requires_approval:
            raise needs_approval("Emptying an audience")
        emptied = empty(audience, source=f"api:{self.client.label}", check=resource.require_pushed)
        note(audience, "emptied", key=self.client.label, removed=emptied.removed)


def to_given(fields: dict[str, Any]) -> dict[str, Any]:
    """Name and description; 417 where they are not as they must be. An absent description stays as it is."""
    name = to_text(fields.get("name"))
    if name is None or not len(name.strip()) >= 1 or len(name) > limits.NAME_CHARS:
        raise invalid(f"name must have 1 to {limits.NAME_CHARS} characters.", 417)
    if fields.get("description") is None:
        return {"name": name}
    description = to_text(fields["description"])
    if description is None or len(description) > limits.DESCRIPTION_CHARS:
        raise invalid(f"description may have {limits.DESCRIPTION_CHARS} characters.", 417)
    return {"name": name, "description": description}


def refuse_missing(version: int | None) -> None:
    if version is None:
        raise Failure(404, RESOURCE_NOT_FOUND, "There is no audience with this externalId.")


def needs_approval(words: str) -> Failure:
    """Mail+ knows no answer for "later", so what a person must approve is refused here."""
    return Failure(
        417,
        INVALID_STATE,
        f"{words} needs the approval of a person in this account, which Mail+'s calls cannot wait for. "
        "Do it in the admin, or by /api/v1.",
    )


def to_ids(fields: dict[str, Any]) -> list[str]:
    """Counted before anything else is looked at. An empty list never means everybody."""
    given = to_list(fields, "contacts")
    if len(given) > MOST_CONTACTS:
        raise Failure(
            413,
            INVALID_PARAMS,
            f"A call may name {MOST_CONTACTS} contacts; {len(given)} came. Nothing was done.",
        )
    if len(given) == 0:
        raise invalid("contacts is empty: name at least one contact.")
    return [to_external_id(one, "Each contact") for one in given]


def refuse_failed(ids: Sequence[str], result: ingest.Result) -> None:
    """Nothing was done where anything failed."""
    other = next((item for item in result.errors if item.code not in NOBODY), None)
    if other is not None:
        raise invalid(f"{ids[other.index][:60]}: {other.detail}")
    if result.errors:
        unknown = [ids[item.index] for item in result.errors]
        words = "contact is" if len(unknown) == 1 else "contacts are"
        raise Failure(
            404,
            CONTACT_NOT_FOUND,
            f"{len(unknown)} {words} not known; nothing was done.",
            externalContactIds=unknown,
        )


def to_out(audience: Audience) -> dict[str, Any]:
    synced = (audience.last_sync or {}).get("at")
    return {
        "externalId": audience.external_id,
        "name": audience.name,
        "description": audience.description,
        "createDate": to_moment(audience.created_at),
        "changeDate": to_moment(audience.updated_at),
        "lastContactAddedAt": to_moment(audience.last_member_added_at),
        "lastContactRemovedAt": to_moment(audience.last_member_removed_at),
        "lastSyncDate": to_moment(parse(synced)),
    }
