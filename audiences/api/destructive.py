"""`/api/v1/audiences/{external_id}/restore` and `…/empty`."""

from __future__ import annotations

from functools import partial

import pghistory
from django.http import HttpRequest, HttpResponse
from msgspec import UNSET
from rest_framework.request import Request

from audiences.api import ending
from audiences.api.documentation import audiences as docs
from audiences.api.jobs import job_answer
from audiences.api.presentation import to_audience
from audiences.api.views import no_body, tagged
from audiences.api.wire import EmptyIn, EmptyOut
from audiences.models import Job
from syncapp.api import bodies, conditions, idempotency
from syncapp.api.problems import Problem
from syncapp.api.views import ApiView, json, to_external_id


class RestoreView(ApiView):
    scopes = {"POST": "audiences:write"}
    query = {"POST": ("external_id",)}

    @docs.RESTORE_AUDIENCE
    def post(self, request: Request, external_id: str) -> HttpResponse:
        http, wanted_id = request._request, to_external_id(request._request, external_id)
        return idempotency.once(http, self.client, b"", no_body, partial(self.restore, wanted_id))

    def restore(self, external_id: str, _: None) -> HttpResponse:
        with pghistory.context(key=self.client.label):
            audience = ending.restore(self.client, external_id)
        return json(to_audience(audience), headers=tagged(audience))


class EmptyView(ApiView):
    scopes = {"POST": "members:replace"}
    query = {"POST": ("external_id",)}

    @docs.EMPTY_AUDIENCE
    def post(self, request: Request, external_id: str) -> HttpResponse:
        http, wanted_id = request._request, to_external_id(request._request, external_id)
        body = bodies.read_if_any(http)
        prepare = partial(check_guard, http, body)
        return idempotency.once(http, self.client, body, prepare, partial(self.empty, http, wanted_id))

    def empty(self, http: HttpRequest, external_id: str, expected: int | None) -> HttpResponse:
        check = partial(conditions.check_write, http)
        with pghistory.context(key=self.client.label):
            done = ending.empty(self.client, external_id, check, expected)
        if isinstance(done, Job):
            return job_answer(done, http)
        headers = {"ETag": conditions.etag(done.version)}
        return json(EmptyOut(done.removed, done.held_removed, done.version), headers=headers)


def check_guard(http: HttpRequest, body: bytes) -> int | None:
    """The number the caller believes in; None where a version does instead. `If-Match: *` guards nothing."""
    expected = bodies.decode(body, EmptyIn).expected_member_count
    if expected is not UNSET:
        return expected
    if not conditions.tags_of(http, "If-Match"):
        raise Problem(
            "precondition_required", "Say expected_member_count, or name the version with If-Match."
        )
    return None
