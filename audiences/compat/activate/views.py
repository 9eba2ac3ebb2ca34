"""The base of Activate's endpoints, and `POST v1/verifyAuth`."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

from audiences.compat.activate.authentication import AccountKeyAuthentication
from syncapp.api import bodies
from syncapp.api.problems import Problem
from syncapp.api.renderers import JsonRenderer
from syncapp.api.views import ApiView, json


class ActivateView(ApiView):
    authentication_classes = [AccountKeyAuthentication]

    def perform_content_negotiation(self, request: Request, force: bool = False) -> tuple[BaseRenderer, str]:
        """Everything is JSON, whatever Accept says."""
        return JsonRenderer(), "application/json"

    def check_parameters(self, request: HttpRequest, method: str) -> None:
        """Shop plugins add parameters of their own, as `channel`."""

    def fields(self) -> dict[str, Any]:
        """The body, which must be an object. Raises Problem."""
        body = bodies.read(self.request._request)
        value = bodies.check_json(body)
        if bodies.NUL_IN_JSON in body:
            bodies.refuse_nul(value)
        if not isinstance(value, dict):
            raise invalid("The body must be an object.")
        return value


class VerifyView(ActivateView):
    """Whether the headers are right: whoever gets here has shown a valid key. The body is not read."""

    def post(self, request: Request) -> HttpResponse:
        return json({"verified": True})


def items_of(fields: dict[str, Any], name: str, most: int) -> list[Any]:
    """The list of that name. Raises Problem."""
    items = fields.get(name)
    if not isinstance(items, list):
        raise invalid(f"{name} must be a list.")
    if len(items) > most:
        raise Problem(
            "too_many_items", f"A call may hold {most} {name}; {len(items)} came. Nothing was done."
        )
    if len(items) == 0:
        raise invalid(f"{name} is empty.")
    return items


def invalid(words: str) -> Problem:
    return Problem("validation_failed", words)
