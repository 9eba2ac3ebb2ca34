"""The documentation: the OpenAPI file, pages to read and try it, the list of errors. No key is needed."""

from __future__ import annotations

from functools import cache
from typing import Any

import msgspec
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe
from drf_spectacular.generators import SchemaGenerator

from syncapp.api import catalogue

# Swagger UI writes style attributes; nothing else may come from anywhere but here.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)


@require_safe
def openapi(request: HttpRequest) -> HttpResponse:
    return HttpResponse(
        openapi_json(), content_type="application/json", headers={"Access-Control-Allow-Origin": "*"}
    )


@cache
def openapi_json() -> bytes:
    return msgspec.json.encode(openapi_document())


def openapi_document() -> dict[str, Any]:
    generator = SchemaGenerator()  # type: ignore[no-untyped-call]
    document: dict[str, Any] = generator.get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    return document


@require_safe
def try_it(request: HttpRequest) -> HttpResponse:
    return page(request, "api/try.html", {})


@require_safe
def errors(request: HttpRequest) -> HttpResponse:
    return page(request, "api/errors.html", {"kinds": catalogue.KINDS})


def page(request: HttpRequest, template: str, context: dict[str, Any]) -> HttpResponse:
    response = render(request, template, {"site_name": settings.SITE_NAME, **context})
    response.headers["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
    return response
