"""The check's proof: a person pushed through the API over HTTP, and seen on the simulator's list."""

from __future__ import annotations

import json
import secrets
from datetime import UTC, datetime
from http.client import HTTPException
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import Request, urlopen

from syncapp.demo.children import Child
from syncapp.demo.seeding.clients import KEY_CLIENT
from syncapp.demo.seeding.simulated import control
from syncapp.demo.steps import StepFailed, wait_for
from syncapp.demo.words import LIST, PATH, push_body

PUSH_TIMEOUT_S = 30.0
ARRIVAL_TIMEOUT_S = 30.0


def push_somebody(web_url: str, key: str) -> str:
    """Push a new person with contact data and consent; their address."""
    mark = secrets.token_hex(4)
    email = f"zoe.peeters.{mark}@example.com"
    body = push_body(email, f"{KEY_CLIENT.prefix}-{mark}", datetime.now(UTC))
    request = Request(  # noqa: S310  our own web server
        web_url + PATH,
        data=json.dumps(body).encode(),
        headers={"Authorization": f"Bearer {key}", "Content-Type": "application/json"},
    )
    try:
        with urlopen(request, timeout=PUSH_TIMEOUT_S) as response:  # noqa: S310
            answer = json.load(response)
    except HTTPError as error:
        with error:
            raise StepFailed(
                f"The API answered {error.code}: {error.read(500).decode(errors='replace')}"
            ) from None
    except (OSError, HTTPException, ValueError) as error:
        raise StepFailed(f"The API gave no answer: {error}") from error
    if answer["summary"]["added"] != 1:
        raise StepFailed(f"The API did not add the person: {json.dumps(answer)[:500]}")
    return email


def wait_for_arrival(simulator_url: str, email: str, worker: Child) -> None:
    """Until the simulator's list holds them as active."""
    path = f"lists/{KEY_CLIENT.list_id(LIST.title)}/subscribers?search={quote(email)}&state=Active"

    def is_there() -> bool:
        return bool(control(simulator_url, path)["total"])

    wait_for(worker, ARRIVAL_TIMEOUT_S, f"Arrival on the list “{LIST.title}”", is_there)
