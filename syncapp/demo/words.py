"""What a demo says when it runs: addresses, sign-ins, and a curl to paste."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

from syncapp.demo.seeding.clients import AGENCY_ADMIN, KEY_CLIENT, PASSWORD

AUDIENCE = KEY_CLIENT.audiences[0].external_id
LIST = KEY_CLIENT.connections[0].lists[0]
PATH = f"api/v1/audiences/{AUDIENCE}/members/batch"
NEW_PERSON = "zoe.peeters@example.com"


def push_body(email: str, external_id: str, now: datetime) -> dict[str, Any]:
    """One person with contact data and consent, as the API takes them."""
    answered_at = now.replace(microsecond=0).isoformat().replace("+00:00", "Z")
    return {
        "operations": [
            {
                "op": "add",
                "contact": {
                    "external_id": external_id,
                    "email": email,
                    "properties": {"first_name": "Zoë", "last_name": "Peeters", "city": "Utrecht"},
                },
                "consents": [{"objective": "newsletter", "state": "granted", "occurred_at": answered_at}],
            }
        ]
    }


def announcement(web_url: str, simulator_url: str, logs: Path, key: str, now: datetime) -> str:
    """Everything a person needs who has just started the demo."""
    rows = (
        ("Agency administrator", AGENCY_ADMIN[1]),
        (f"Manager, {KEY_CLIENT.name}", KEY_CLIENT.manager[1]),
        (f"Viewer, {KEY_CLIENT.name}", KEY_CLIENT.viewer[1]),
    )
    sign_ins = "\n".join(f"    {email:<34} {who}" for who, email in rows)
    return f"""
  Application    {web_url}
  API            {web_url}api/docs/
  Simulated ESP  {simulator_url}  (Campaign Monitor)
  Logs           {logs}

  Sign in with the password  {PASSWORD}
{sign_ins}

  Push a person into the audience “{KEY_CLIENT.audiences[0].name}” and see them arrive on the simulated list
  “{LIST.title}”:

{curl(web_url, key, now)}

  Ctrl-C stops all of it; the data stay. `manage.py demo --reset` starts over.
"""


def curl(web_url: str, key: str, now: datetime) -> str:
    body = json.dumps(push_body(NEW_PERSON, f"{KEY_CLIENT.prefix}-20001", now), ensure_ascii=False)
    return f"""curl -X POST {web_url}{PATH} \\
  -H 'Authorization: Bearer {key}' -H 'Content-Type: application/json' \\
  -d '{body}'"""
