"""`/api/v1/audiences/{external_id}`: one audience."""

from __future__ import annotations

from functools import partial

import pghistory
from django.http import HttpRequest, HttpResponse
from msgspec import UNSET
from rest_framework.request import Request

from audiences.api import resource
from audiences.api.documentation import audiences as docs
from audiences.api.moments import WORDS, is_storable
from audiences.api.presentation import to_audience
from audiences.api.wire import AudienceIn, DeleteCheck
from syncapp.api import bodies, conditions, idempotency
from syncapp.api.problems import Problem, invalid
from syncapp.api.views import ApiView, flag, json, to_external_id


class AudienceView(ApiView):
    scopes = {"GET": "audiences:read", "PUT": "audiences:write", "DELETE": "audiences:delete"}
    query = {"GET": ("external_id",), "PUT": ("external_id",), "DELETE": ("external_id", "dry_run")}

    @docs.GET_AUDIENCE
    def get(self, request: Request, external_id: str) -> HttpResponse:
        http = request._request
        audience = resource.find(self.client, to_external_id(http, external_id))
        headers = {"ETag": conditions.etag(audience.version)}
        if conditions.is_unchanged(http, audience.version):
            return HttpResponse(status=304, headers=headers)
        return json(to_audience(audience), headers=headers)

    @docs.PUT_AUDIENCE
    def put(self, request: Request, external_id: str) -> HttpResponse:
        http, wanted_id = request._request, to_external_id(request._request, external_id)
        body = bodies.read(http)
        prepare = partial(check_body, body, wanted_id)
        return idempotency.once(http, self.client, body, prepare, partial(self.store, http, wanted_id))

    def store(self, http: HttpRequest, external_id: str, wanted: AudienceIn) -> HttpResponse:
        check = partial(conditions.check_write, http)
        with pghistory.context(key=self.client.label):
            audience, is_new = resource.put(self.client, external_id, wanted, check)
        headers = {"ETag": conditions.etag(audience.version)}
        if is_new:
            headers["Location"] = http.path_info
        return json(to_audience(audience), status=201 if is_new else 200, headers=headers)

    @docs.DELETE_AUDIENCE
    def delete(self, request: Request, external_id: str) -> HttpResponse:
        http, unwanted_id = request._request, to_external_id(request._request, external_id)
        if flag(http, "dry_run"):
            usages = resource.usages_of(resource.find(self.client, unwanted_id))
            would = not any(usage.blocks_delete for usage in usages)
            return json(DeleteCheck(would_delete=would, usages=usages))
        return idempotency.once(http, self.client, b"", no_body, partial(self.remove, http, unwanted_id))

    def remove(self, http: HttpRequest, external_id: str, _: None) -> HttpResponse:
        with pghistory.context(key=self.client.label):
            resource.delete(self.client, external_id, partial(conditions.check_write, http))
        return HttpResponse(status=204)


def no_body() -> None:
    """A DELETE says everything in its address."""


def check_body(body: bytes, external_id: str) -> AudienceIn:
    wanted = bodies.decode(body, AudienceIn)
    if wanted.external_id is not UNSET and wanted.external_id != external_id:
        raise Problem("external_id_mismatch", "The external_id of the body differs from the path's.")
    if not is_storable(wanted.expires_at):
        raise invalid("/expires_at", WORDS)
    return wanted
