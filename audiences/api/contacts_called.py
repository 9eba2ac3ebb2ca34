"""Addresses that are also those of a person: who is called “batch” can be read, put and deleted all the same."""

from __future__ import annotations

from typing import ClassVar

from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request

from audiences.api.contacts import ContactView


class CalledContactView(ContactView):
    """A subclass adds `post`; every other method is about the person of this name."""

    called: ClassVar[str]

    @extend_schema(exclude=True)
    def get(self, request: Request) -> HttpResponse:  # type: ignore[override]
        return super().get(request, self.called)

    @extend_schema(exclude=True)
    def put(self, request: Request) -> HttpResponse:  # type: ignore[override]
        return super().put(request, self.called)

    @extend_schema(exclude=True)
    def patch(self, request: Request) -> HttpResponse:  # type: ignore[override]
        return super().patch(request, self.called)

    @extend_schema(exclude=True)
    def delete(self, request: Request) -> HttpResponse:  # type: ignore[override]
        return super().delete(request, self.called)
