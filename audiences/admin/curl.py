"""A ready command for pushing a person into an audience."""

from __future__ import annotations

import json
import shlex
from urllib.parse import quote

from django.http import HttpRequest

from audiences.models import Audience

PERSON = {"external_id": "1001", "email": "eve@example.com", "properties": {}}


def push_command(request: HttpRequest, audience: Audience) -> str:
    """`$KEY` stands for the secret, which is shown once and kept nowhere."""
    body = json.dumps({"operations": [{"op": "add", "contact": PERSON}]})
    lines = (
        f"curl -X POST {shlex.quote(request.build_absolute_uri(batch_address(audience.external_id)))}",
        '-H "Authorization: Bearer $KEY"',
        "-H 'Content-Type: application/json'",
        f"-d {shlex.quote(body)}",
    )
    return " \\\n  ".join(lines)


def batch_address(external_id: str) -> str:
    """An id with a slash goes into the query: many servers decode `%2F` in a path."""
    written = quote(external_id, safe="")
    if "/" in external_id:
        return f"/api/v1/audiences/-/members/batch?external_id={written}"
    return f"/api/v1/audiences/{written}/members/batch"
