"""Addresses below /api/v1/ that do not exist: 404 once the caller is known, so that its log shows the slip."""

from __future__ import annotations

from django.http import HttpRequest
from rest_framework.request import Request

from syncapp.api import catalogue
from syncapp.api.problems import Problem
from syncapp.api.views import ApiView


class UnknownView(ApiView):
    gated = False
    schema = None  # not part of the documentation

    def get(self, request: Request, rest: str) -> None:
        raise Problem("not_found", catalogue.BY_CODE["not_found"].docs)

    post = put = patch = delete = head = get

    def check_parameters(self, request: HttpRequest, method: str) -> None:
        """Whatever the query says, it is the path that is wrong."""
