"""DRF's way to a body, for views that read `request.data`; the same caps and checks as everywhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import IO, Any

from rest_framework.parsers import BaseParser

from syncapp.api import bodies


class JsonParser(BaseParser):
    media_type = "application/json"

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        request = (parser_context or {})["request"]._request
        body = bodies.read(request)
        value = bodies.check_json(body)
        if bodies.NUL_IN_JSON in body:
            bodies.refuse_nul(value)
        return value
