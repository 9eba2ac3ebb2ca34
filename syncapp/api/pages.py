"""The documentation: the OpenAPI file, pages to read and try it, the search index. No key is needed."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from threading import Lock
from typing import Any

import msgspec
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe
from drf_spectacular.generators import SchemaGenerator

from syncapp.api import guide, reading
from syncapp.api.search import entries

# Nothing may come from anywhere but here, and nothing inline.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)


@require_safe
def openapi(request: HttpRequest) -> HttpResponse:
    return HttpResponse(
        openapi_json(), content_type="application/json", headers={"Access-Control-Allow-Origin": "*"}
    )


@cache
def openapi_json() -> bytes:
    return msgspec.json.encode(openapi_document())


_one_at_a_time = Lock()  # drf-spectacular loads its extensions while it goes through them


def openapi_document() -> dict[str, Any]:
    generator = SchemaGenerator()  # type: ignore[no-untyped-call]
    with _one_at_a_time:
        document: dict[str, Any] = generator.get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    return document


@cache
def all_operations() -> list[reading.Operation]:
    return reading.operations(openapi_document())


@require_safe
def show(request: HttpRequest, slug: str = "") -> HttpResponse:
    """One page, in the frame of all."""
    page = guide.find(slug)
    if page is None:
        raise Http404
    before, after = guide.neighbours(page)
    context = {
        "page": page,
        "groups": guide.groups(),
        "before": before,
        "after": after,
        "operations": [one for one in all_operations() if page.tag and one.tag == page.tag],
        "site_url": settings.SITE_URL,
        "base_url": f"{settings.SITE_URL}/api/v1",
        "demo_key": demo_key(),
        **page.context(),
    }
    return answer(request, page.template, context)


@require_safe
def search_index(request: HttpRequest) -> HttpResponse:
    return HttpResponse(
        msgspec.json.encode(entries(all_operations())),
        content_type="application/json",
        headers={"Cache-Control": "max-age=300"},
    )


def demo_key() -> str:
    """The key a demo fills in for its visitors; empty everywhere else."""
    path = settings.API_DEMO_KEY_FILE
    try:
        return Path(path).read_text().strip() if path else ""
    except FileNotFoundError:
        return ""


def answer(request: HttpRequest, template: str, context: dict[str, Any]) -> HttpResponse:
    response = render(request, template, {"site_name": settings.SITE_NAME, **context})
    response.headers["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
    return response
