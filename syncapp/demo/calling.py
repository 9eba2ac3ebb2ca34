"""A few calls as an outside system makes them, with the mistakes such systems make: for the log of calls."""

from __future__ import annotations

import json
from http.client import HTTPException
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from syncapp.demo import home as kept
from syncapp.demo.seeding.clients import KEY_CLIENT
from syncapp.demo.steps import StepFailed

TIMEOUT_S = 30.0
AUDIENCE = KEY_CLIENT.audiences[0].external_id
KNOWN = f"{KEY_CLIENT.prefix}-10001"
BATCH = "api/v1/audiences/sign-ups-2026/members/batch"  # nothing uses it
MISTYPED = {"op": "add", "contact": {"external_id": f"{KEY_CLIENT.prefix}-30001", "email": "zoe@example"}}
EXAMPLE = "api/v1/audiences/vip-2024"
EXAMPLE_PEOPLE = [
    {"op": "add", "contact": {"external_id": f"c-{number}", "email": f"c{number}@example.nl"}}
    for number in (1, 2, 9)
]
# (method, path, body, the status it must have)
CALLS: tuple[tuple[str, str, str, int], ...] = (
    ("GET", "api/v1/limits", "", 200),
    ("GET", "api/v1/audiences?limit=5", "", 200),
    ("GET", f"api/v1/audiences/{AUDIENCE}", "", 200),
    ("POST", BATCH, json.dumps({"validate_only": True, "add": [KNOWN]}), 200),
    ("POST", BATCH, json.dumps({"operations": [{"op": "add", "id": KNOWN}, MISTYPED]}), 207),
    ("GET", "api/v1/audiences/newsletters", "", 404),
    ("POST", BATCH, '{"add": [', 400),
    # What the documentation's examples are about, so that trying them out finds something.
    ("PUT", EXAMPLE, json.dumps({"name": "VIP 2024", "unknown_contacts": "create"}), 201),
    ("POST", f"{EXAMPLE}/members/batch", json.dumps({"operations": EXAMPLE_PEOPLE}), 200),
)


def make_calls(web_url: str, home: Path) -> None:
    """Once per installation. Raises StepFailed where an answer is another."""
    if kept.has_called(home):
        return
    key = kept.kept_key(home)
    for method, path, body, expected in CALLS:
        status = call(method, web_url + path, body, key)
        if status != expected:
            raise StepFailed(f"The API answered {status} to {method} {path}, not {expected}.")
    kept.note_called(home)


def call(method: str, url: str, body: str, key: str) -> int:
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    request = Request(url, data=body.encode() or None, method=method, headers=headers)  # noqa: S310  our own server
    try:
        with urlopen(request, timeout=TIMEOUT_S) as response:  # noqa: S310
            return int(response.status)
    except HTTPError as error:
        with error:
            return error.code
    except (OSError, HTTPException) as error:
        raise StepFailed(f"The API gave no answer: {error}") from error
