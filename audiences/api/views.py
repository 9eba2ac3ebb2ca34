"""`/api/v1/audiences` and `/api/v1/audiences/{external_id}`: the audiences themselves."""

from __future__ import annotations

from functools import partial
from typing import TypeVar
from urllib.parse import quote

import pghistory
from django.http import HttpRequest, HttpResponse
from msgspec import UNSET
from rest_framework.request import Request

from audiences.api import listing, resource
from audiences.api.documentation import audiences as docs
from audiences.api.ending import delete, usages_of
from audiences.api.jobs import BASE, job_answer
from audiences.api.moments import WORDS, is_storable
from audiences.api.presentation import to_audience, to_audiences
from audiences.api.wire import (
    AudienceFields,
    AudienceIn,
    AudienceNew,
    AudiencePatch,
    AudiencesOut,
    DeleteCheck,
)
from audiences.models import Audience
from syncapp.api import bodies, conditions, idempotency, limits
from syncapp.api.cursors import link_to_next, to_cursor
from syncapp.api.problems import Problem, invalid
from syncapp.api.views import ApiView, flag, is_external_id, json, to_external_id, whole_number

W = TypeVar("W", bound=AudienceFields)


class AudiencesView(ApiView):
    scopes = {"GET": "audiences:read", "POST": "audiences:write"}
    query = {"GET": listing.PARAMETERS}

    @docs.LIST_AUDIENCES
    def get(self, request: Request) -> HttpResponse:
        http = request._request
        size = whole_number(http, "limit", limits.PAGE_ITEMS_DEFAULT, 1, limits.PAGE_ITEMS)
        found = list(listing.rows_after(http, resource.rows(self.client))[: size + 1])
        page = found[:size]
        cursor = to_cursor(listing.place_of(http, page[-1])) if len(found) > size else None
        return json(AudiencesOut(to_audiences(page), cursor), headers=link_to_next(http, cursor))

    @docs.CREATE_AUDIENCE
    def post(self, request: Request) -> HttpResponse:
        http = request._request
        body = bodies.read(http)
        return idempotency.once(http, self.client, body, partial(check_new, body), self.create)

    def create(self, wanted: AudienceNew) -> HttpResponse:
        with pghistory.context(key=self.client.label):
            audience = resource.create(self.client, wanted)
        location = f"{BASE}/audiences/{quote(audience.external_id, safe='')}"
        return json(to_audience(audience), status=201, headers={**tagged(audience), "Location": location})


class AudienceView(ApiView):
    scopes = {
        "GET": "audiences:read",
        "PUT": "audiences:write",
        "PATCH": "audiences:write",
        "DELETE": "audiences:delete",
    }
    query = {
        "GET": ("external_id",),
        "PUT": ("external_id",),
        "PATCH": ("external_id",),
        "DELETE": ("external_id", "dry_run"),
    }

    @docs.GET_AUDIENCE
    def get(self, request: Request, external_id: str) -> HttpResponse:
        http = request._request
        audience = resource.find(self.client, to_external_id(http, external_id))
        if conditions.is_unchanged(http, audience.version):
            return HttpResponse(status=304, headers=tagged(audience))
        return json(to_audience(audience), headers=tagged(audience))

    @docs.PUT_AUDIENCE
    def put(self, request: Request, external_id: str) -> HttpResponse:
        http, wanted_id = request._request, to_external_id(request._request, external_id)
        body = bodies.read(http)
        prepare = partial(check_whole, body, wanted_id)
        return idempotency.once(http, self.client, body, prepare, partial(self.store, http, wanted_id))

    def store(self, http: HttpRequest, external_id: str, wanted: AudienceIn) -> HttpResponse:
        check = partial(conditions.check_write, http)
        with pghistory.context(key=self.client.label):
            audience, is_new = resource.put(self.client, external_id, wanted, check)
        headers = tagged(audience)
        if is_new:
            headers["Location"] = http.path_info
        return json(to_audience(audience), status=201 if is_new else 200, headers=headers)

    @docs.PATCH_AUDIENCE
    def patch(self, request: Request, external_id: str) -> HttpResponse:
        http, wanted_id = request._request, to_external_id(request._request, external_id)
        body = bodies.read(http, bodies.PATCH_TYPES)
        prepare = partial(check_part, body, wanted_id)
        return idempotency.once(http, self.client, body, prepare, partial(self.change, http, wanted_id))

    def change(self, http: HttpRequest, external_id: str, wanted: AudiencePatch) -> HttpResponse:
        check = partial(conditions.check_write, http)
        with pghistory.context(key=self.client.label):
            audience = resource.patch(self.client, external_id, wanted, check)
        return json(to_audience(audience), headers=tagged(audience))

    @docs.DELETE_AUDIENCE
    def delete(self, request: Request, external_id: str) -> HttpResponse:
        http, unwanted_id = request._request, to_external_id(request._request, external_id)
        if flag(http, "dry_run"):
            usages = usages_of(resource.find(self.client, unwanted_id))
            would = not any(usage.blocks_delete for usage in usages)
            return json(DeleteCheck(would_delete=would, usages=usages))
        return idempotency.once(http, self.client, b"", no_body, partial(self.remove, http, unwanted_id))

    def remove(self, http: HttpRequest, external_id: str, _: None) -> HttpResponse:
        with pghistory.context(key=self.client.label):
            job = delete(self.client, external_id, partial(conditions.check_write, http))
        return HttpResponse(status=204) if job is None else job_answer(job, http)


class UsagesView(ApiView):
    scopes = {"GET": "audiences:read"}
    query = {"GET": ("external_id",)}

    @docs.LIST_USAGES
    def get(self, request: Request, external_id: str) -> HttpResponse:
        http = request._request
        return json(usages_of(resource.find(self.client, to_external_id(http, external_id))))


def tagged(audience: Audience) -> dict[str, str]:
    return {"ETag": conditions.etag(audience.version)}


def no_body() -> None:
    """A DELETE says everything in its address."""


def check_new(body: bytes) -> AudienceNew:
    wanted = bodies.decode(body, AudienceNew)
    if not is_external_id(wanted.external_id):
        raise Problem("invalid_external_id", "An external id is not “.” or “..”, and has no U+0000.")
    return check_expiry(wanted)


def check_whole(body: bytes, external_id: str) -> AudienceIn:
    wanted = bodies.decode(body, AudienceIn)
    require_same_id(wanted.external_id, external_id)
    return check_expiry(wanted)


def check_part(body: bytes, external_id: str) -> AudiencePatch:
    wanted = bodies.decode(body, AudiencePatch)
    require_same_id(wanted.external_id, external_id)
    return check_expiry(wanted)


def require_same_id(given: object, external_id: str) -> None:
    if given is not UNSET and given != external_id:
        raise Problem("external_id_mismatch", "The external_id of the body differs from the path's.")


def check_expiry(wanted: W) -> W:
    if not is_storable(wanted.expires_at):
        raise invalid("/expires_at", WORDS)
    return wanted
