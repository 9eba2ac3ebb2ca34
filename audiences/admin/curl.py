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
    address = f"/api/v1/audiences/{quote(audience.external_id, safe='')}/members/batch"
    body = json.dumps({"operations": [{"op": "add", "contact": PERSON}]})
    lines = (
        f"curl -X POST {shlex.quote(request.build_absolute_uri(address))}",
        '-H "Authorization: Bearer $KEY"',
        "-H 'Content-Type: application/json'",
        f"-d {shlex.quote(body)}",
    )
    return " \\\n  ".join(lines)
