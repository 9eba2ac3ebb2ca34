"""The base of Mail+'s endpoints."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

from audiences.compat.mailplus import formats, oauth
from audiences.compat.mailplus.authentication import ConsumerAuthentication, refused
from audiences.compat.mailplus.errors import INVALID_PARAMS, RESOURCE_NOT_FOUND, Failure, to_response
from syncapp.api.paths import to_text
from syncapp.api.renderers import JsonRenderer
from syncapp.api.views import ApiView, is_external_id


class MailPlusView(ApiView):
    """Answers are `formats.answer`; errors are Failures, or Problems of ours in Mail+'s words (`errors`)."""

    authentication_classes = [ConsumerAuthentication]

    def perform_content_negotiation(self, request: Request, force: bool = False) -> tuple[BaseRenderer, str]:
        """Nothing is refused for its Accept: the form follows when the answer is written."""
        return JsonRenderer(), formats.JSON

    def check_parameters(self, request: HttpRequest, method: str) -> None:
        """Parameters nobody knows are let pass, as there."""

    def handle_exception(  # type: ignore[override]  # DRF takes any response; its stubs do not
        self, exc: Exception
    ) -> HttpResponse:
        if isinstance(exc, Failure):
            return to_response(exc, self.request._request)
        found: HttpResponse = super().handle_exception(exc)
        return found

    def body(self) -> bytes:
        """As it came; empty where there is none."""
        http = self.request._request
        body = formats.read(http)
        declared = getattr(http, "oauth_body_hash", None)
        if declared is not None and declared != oauth.hash_body(body):
            raise refused("oauth_body_hash is not that of the body.")
        return body

    def fields(self) -> dict[str, Any]:
        """The body, which must be an object."""
        body = self.body()
        if not body:
            raise Failure(400, INVALID_PARAMS, "The body is empty.")
        found = formats.decode(self.request._request, body)
        if not isinstance(found, dict):
            raise Failure(400, INVALID_PARAMS, "The body must be an object.")
        return found

    def answer(self, root: str, value: Any) -> HttpResponse:
        return formats.answer(self.request._request, root, value)


def to_id(segment: str) -> str:
    """The id in a path; one that cannot be anybody's is not found."""
    try:
        value = to_text(segment)
    except UnicodeDecodeError:
        value = ""
    if not is_external_id(value):
        raise Failure(404, RESOURCE_NOT_FOUND, "There is nothing with this external id.")
    return value


def no_content() -> HttpResponse:
    return HttpResponse(status=204)
