"""`/api/v1/contacts`: people, one by one."""

from __future__ import annotations

from functools import partial

import pghistory
from django.http import HttpRequest, HttpResponse
from msgspec import UNSET
from rest_framework.request import Request

from audiences import contacts
from audiences.addresses import InvalidAddress
from audiences.api.contact_values import to_contact, to_out, to_wire_pointer
from audiences.api.contact_wire import ContactPut, ContactsOut
from audiences.api.documentation import contacts as docs
from audiences.api.jobs import job_answer
from audiences.api.views import no_body
from audiences.erasing import work
from audiences.ingest.refusals import Refused
from audiences.models import Job, Pending, push_settings
from syncapp.api import bodies, idempotency
from syncapp.api.problems import Problem, invalid, invalid_parameter
from syncapp.api.views import ApiView, json, to_external_id


class ContactsView(ApiView):
    scopes = {"GET": "contacts:read"}
    query = {"GET": ("email",)}

    @docs.FIND_CONTACTS
    def get(self, request: Request) -> HttpResponse:
        email = request._request.GET.get("email")
        if email is None:
            raise invalid_parameter("email", "Say whose address: people are not listed here.")
        try:
            found = contacts.by_email(self.client.account_id, email)
        except InvalidAddress as error:
            raise invalid_parameter("email", str(error)) from error
        return json(ContactsOut([] if found is None else [to_out(found)], None))


class ContactView(ApiView):
    scopes = {
        "GET": "contacts:read",
        "PUT": "contacts:write",
        "PATCH": "contacts:write",
        "DELETE": "contacts:write",
    }
    query = dict.fromkeys(scopes, ("external_id",))

    @docs.GET_CONTACT
    def get(self, request: Request, external_id: str) -> HttpResponse:
        wanted_id = to_external_id(request._request, external_id)
        return json(to_out(contacts.find(self.client, wanted_id)))

    @docs.PUT_CONTACT
    def put(self, request: Request, external_id: str) -> HttpResponse:
        return self.change(request._request, external_id, bodies.MEDIA_TYPES, must_exist=False)

    @docs.PATCH_CONTACT
    def patch(self, request: Request, external_id: str) -> HttpResponse:
        return self.change(request._request, external_id, bodies.PATCH_TYPES, must_exist=True)

    def change(
        self, http: HttpRequest, segment: str, media_types: tuple[str, ...], *, must_exist: bool
    ) -> HttpResponse:
        external_id = to_external_id(http, segment)
        body = bodies.read(http, media_types)
        prepare = partial(check_body, body, external_id)
        perform = partial(self.store, http, external_id, must_exist)
        return idempotency.once(http, self.client, body, prepare, perform)

    def store(
        self, http: HttpRequest, external_id: str, must_exist: bool, wanted: ContactPut
    ) -> HttpResponse:
        try:
            contact = to_contact(wanted)
        except Refused as refused:
            raise invalid(refused.pointer, refused.detail, refused.code) from refused
        merges = wanted.merge == "by_email"
        try:
            profile, is_new = contacts.put(
                self.client, external_id, contact, merges=merges, must_exist=must_exist
            )
        except Problem as problem:
            for error in problem.extra.get("errors", ()):
                error["pointer"] = to_wire_pointer(error["pointer"], wanted)
            raise
        headers = {"Location": http.path_info} if is_new else {}
        return json(to_out(profile), status=201 if is_new else 200, headers=headers)

    @docs.DELETE_CONTACT
    def delete(self, request: Request, external_id: str) -> HttpResponse:
        http, unwanted_id = request._request, to_external_id(request._request, external_id)
        return idempotency.once(http, self.client, b"", no_body, partial(self.remove, http, unwanted_id))

    def remove(self, http: HttpRequest, external_id: str, _: None) -> HttpResponse:
        profile = contacts.find(self.client, external_id)
        account_id = profile.account_id
        if push_settings(account_id).requires_approval:
            job = work.waiting(profile, Job.Kind.CONTACT_DELETE) or work.queue_deletion(
                client=self.client, account_id=account_id, profile_id=profile.pk
            )
            return job_answer(job, http)
        source = work.to_source(self.client)
        if not work.delete(account_id=account_id, profile_id=profile.pk, source=source):
            raise contacts.not_found()
        return HttpResponse(status=204)


class EraseView(ApiView):
    scopes = {"POST": "contacts:write"}
    query = {"POST": ("external_id",)}

    @docs.ERASE_CONTACT
    def post(self, request: Request, external_id: str) -> HttpResponse:
        http, unwanted_id = request._request, to_external_id(request._request, external_id)
        return idempotency.once(http, self.client, b"", no_body, partial(self.erase, http, unwanted_id))

    def erase(self, http: HttpRequest, external_id: str, _: None) -> HttpResponse:
        with pghistory.context(key=self.client.label):
            return job_answer(self.erasure_of(external_id), http)

    def erasure_of(self, external_id: str) -> Job:
        """A repeated call gets the job of the first one."""
        client, account_id = self.client, self.client.account_id
        if contacts.is_erased(client, external_id):
            return work.earlier_erasure(account_id, external_id) or work.erase_unknown(
                client=client, account_id=account_id, external_id=external_id
            )
        try:
            profile = contacts.find(client, external_id)
        except Problem:
            if not is_held(account_id, external_id):
                raise
            return work.erase_unknown(client=client, account_id=account_id, external_id=external_id)
        return work.waiting(profile) or work.erase(
            client=client, account_id=account_id, profile_id=profile.pk
        )


def is_held(account_id: int, external_id: str) -> bool:
    """Whether operations wait for somebody of this id to become known."""
    return bool(Pending.objects.of(account_id).filter(kind="external_id", value=external_id).exists())


def check_body(body: bytes, external_id: str) -> ContactPut:
    wanted = bodies.decode(body, ContactPut)
    if wanted.external_id is not UNSET and wanted.external_id != external_id:
        raise Problem("external_id_mismatch", "The external_id of the body differs from the path's.")
    return wanted
