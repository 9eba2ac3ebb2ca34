"""`/api/v1/webhooks`: what is told to which address."""

from __future__ import annotations

from functools import partial
from typing import TypeVar

import pghistory
from django.http import HttpResponse
from msgspec import Struct
from rest_framework.request import Request

from syncapp.api import bodies, idempotency, limits
from syncapp.api.cursors import from_cursor, link_to_next, to_cursor
from syncapp.api.problems import invalid_parameter
from syncapp.api.views import ApiView, json, whole_number
from syncapp.notices import endpoints
from syncapp.notices.api import documentation as docs
from syncapp.notices.api import webhooks
from syncapp.notices.api.wire import DeliveriesOut, WebhookIn, WebhookPatch, WebhooksOut
from syncapp.notices.models import Delivery

ALL = dict.fromkeys(("GET", "POST", "PATCH", "DELETE"), "webhooks:manage")
W = TypeVar("W", WebhookIn, WebhookPatch)


class Place(Struct, array_like=True):
    """The name of the last row of a page; names are unique."""

    name: str


class WebhooksView(ApiView):
    scopes = ALL
    query = {"GET": ("cursor", "limit")}

    @docs.LIST_WEBHOOKS
    def get(self, request: Request) -> HttpResponse:
        http = request._request
        size = whole_number(http, "limit", limits.PAGE_ITEMS_DEFAULT, 1, limits.PAGE_ITEMS)
        rows = webhooks.rows(self.client).order_by("name")
        if (cursor := http.GET.get("cursor")) is not None:
            rows = rows.filter(name__gt=place_in(cursor))
        found = list(rows[: size + 1])
        following = to_cursor(Place(found[size - 1].name)) if len(found) > size else None
        items = [webhooks.to_webhook(endpoint) for endpoint in found[:size]]
        return json(WebhooksOut(items, following), headers=link_to_next(http, following))

    @docs.CREATE_WEBHOOK
    def post(self, request: Request) -> HttpResponse:
        http = request._request
        http.api_private = True  # type: ignore[attr-defined]  # the answer holds the secret
        body = bodies.read(http)
        prepare = partial(checked, body, WebhookIn)
        return idempotency.once(http, self.client, body, prepare, self.create, is_secret=True)

    def create(self, wanted: WebhookIn) -> HttpResponse:
        with pghistory.context(key=self.client.label):
            endpoint, secret = webhooks.make(self.client, wanted)
        headers = {"Location": f"/api/v1/webhooks/{endpoint.pk}", "Cache-Control": "no-store"}
        return json(webhooks.to_webhook(endpoint, secret), status=201, headers=headers)


class WebhookView(ApiView):
    scopes = ALL

    @docs.GET_WEBHOOK
    def get(self, request: Request, webhook_id: str) -> HttpResponse:
        return json(webhooks.to_webhook(webhooks.find(self.client, webhook_id)))

    @docs.PATCH_WEBHOOK
    def patch(self, request: Request, webhook_id: str) -> HttpResponse:
        http = request._request
        body = bodies.read(http, bodies.PATCH_TYPES)
        prepare = partial(checked, body, WebhookPatch)
        return idempotency.once(http, self.client, body, prepare, partial(self.change, webhook_id))

    def change(self, webhook_id: str, wanted: WebhookPatch) -> HttpResponse:
        with pghistory.context(key=self.client.label):
            return json(webhooks.to_webhook(webhooks.change(self.client, webhook_id, wanted)))

    @docs.DELETE_WEBHOOK
    def delete(self, request: Request, webhook_id: str) -> HttpResponse:
        return idempotency.once(request._request, self.client, b"", no_body, partial(self.remove, webhook_id))

    def remove(self, webhook_id: str, _: None) -> HttpResponse:
        with pghistory.context(key=self.client.label):
            webhooks.delete(self.client, webhook_id)
        return HttpResponse(status=204)


class RotateView(ApiView):
    scopes = ALL

    @docs.ROTATE_SECRET
    def post(self, request: Request, webhook_id: str) -> HttpResponse:
        http = request._request
        http.api_private = True  # type: ignore[attr-defined]  # the answer holds the secret
        perform = partial(self.rotate, webhook_id)
        return idempotency.once(http, self.client, b"", no_body, perform, is_secret=True)

    def rotate(self, webhook_id: str, _: None) -> HttpResponse:
        with pghistory.context(key=self.client.label):
            secret = endpoints.rotate_secret(webhooks.find(self.client, webhook_id))
        found = webhooks.to_webhook(webhooks.find(self.client, webhook_id), secret)
        return json(found, headers={"Cache-Control": "no-store"})


class TestView(ApiView):
    scopes = ALL

    @docs.SEND_TEST
    def post(self, request: Request, webhook_id: str) -> HttpResponse:
        return idempotency.once(request._request, self.client, b"", no_body, partial(self.send, webhook_id))

    def send(self, webhook_id: str, _: None) -> HttpResponse:
        endpoint = webhooks.find(self.client, webhook_id)
        webhooks.require_enabled(endpoint)
        return json(webhooks.to_delivery(endpoints.send_test(endpoint)), status=202)


class DeliveriesView(ApiView):
    scopes = ALL
    query = {"GET": ("cursor", "limit", "state")}

    @docs.LIST_DELIVERIES
    def get(self, request: Request, webhook_id: str) -> HttpResponse:
        http = request._request
        size = whole_number(http, "limit", limits.PAGE_ITEMS_DEFAULT, 1, limits.PAGE_ITEMS)
        rows = webhooks.messages_of(webhooks.find(self.client, webhook_id)).order_by("-pk")
        if (state := http.GET.get("state")) is not None:
            if state not in Delivery.State.values:
                raise invalid_parameter("state", f"Known: {', '.join(Delivery.State.values)}.")
            rows = rows.filter(state=state)
        if (cursor := http.GET.get("cursor")) is not None:
            rows = rows.filter(pk__lt=number_in(cursor))
        found = list(rows.defer("body")[: size + 1])
        following = to_cursor(found[size - 1].pk) if len(found) > size else None
        items = [webhooks.to_delivery(delivery) for delivery in found[:size]]
        return json(DeliveriesOut(items, following), headers=link_to_next(http, following))


class DeliveryView(ApiView):
    scopes = ALL

    @docs.GET_DELIVERY
    def get(self, request: Request, webhook_id: str, delivery_id: str) -> HttpResponse:
        endpoint = webhooks.find(self.client, webhook_id)
        return json(webhooks.to_delivery(webhooks.find_message(endpoint, delivery_id), with_body=True))


class RedeliverView(ApiView):
    scopes = ALL

    @docs.REDELIVER
    def post(self, request: Request, webhook_id: str, delivery_id: str) -> HttpResponse:
        perform = partial(self.redeliver, webhook_id, delivery_id)
        return idempotency.once(request._request, self.client, b"", no_body, perform)

    def redeliver(self, webhook_id: str, delivery_id: str, _: None) -> HttpResponse:
        endpoint = webhooks.find(self.client, webhook_id)
        delivery = webhooks.find_message(endpoint, delivery_id)
        webhooks.require_enabled(endpoint)
        endpoints.redeliver(delivery)
        return json(webhooks.to_delivery(webhooks.find_message(endpoint, delivery_id)), status=202)


def checked(body: bytes, kind: type[W]) -> W:
    wanted = bodies.decode(body, kind)
    webhooks.check(wanted)
    return wanted


def no_body() -> None:
    """The address says everything."""


def place_in(cursor: str) -> str:
    name = from_cursor(cursor, Place).name
    if "\x00" in name:
        raise invalid_parameter("cursor", "Not a cursor of this list; begin without one.")
    return name


def number_in(cursor: str) -> int:
    number = from_cursor(cursor, int)
    if not 0 <= number < 2**63:
        raise invalid_parameter("cursor", "Not a cursor of this list; begin without one.")
    return number
