"""One simulator process for each module; every test starts from a list of its own."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from connectors.simulators import Running, start

API_KEY = "account-key-of-the-tests"
FIELDS = [
    {"name": "City", "type": "Text"},
    {"name": "Age", "type": "Number"},
    {"name": "Date of birth", "type": "Date"},
    {"name": "Size", "type": "MultiSelectOne", "options": ["Small", "Large"]},
    {"name": "Interests", "type": "MultiSelectMany", "options": ["Roses", "Herbs", "Trees"]},
]


def basic(key: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{key}:x".encode()).decode()}


@dataclass
class Place:
    """A client with two lists at a running simulator, and HTTP to it."""

    running: Running
    client: dict[str, Any]
    http: httpx.Client

    @property
    def client_id(self) -> str:
        return str(self.client["id"])

    @property
    def list_id(self) -> str:
        return str(self.client["lists"][0]["id"])

    @property
    def other_list_id(self) -> str:
        """OnlyThisList."""
        return str(self.client["lists"][1]["id"])

    def send_import(self, *people: dict[str, Any], list_id: str = "", **root: Any) -> httpx.Response:
        rows = [{"ConsentToTrack": "Unchanged", **person} for person in people]
        body = {"Subscribers": rows, "Resubscribe": False, **root}
        return self.http.post(f"subscribers/{list_id or self.list_id}/import.json", json=body)

    def details(self, email: str, list_id: str = "", **query: Any) -> httpx.Response:
        params = {"email": email, **query}
        return self.http.get(f"subscribers/{list_id or self.list_id}.json", params=params)

    def state(self, email: str, list_id: str = "") -> str:
        return str(self.details(email, list_id).json()["State"])

    def values(self, email: str) -> list[tuple[str, str]]:
        fields = self.details(email).json()["CustomFields"]
        return [(field["Key"], field["Value"]) for field in fields]


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    with start("campaign_monitor", api_key=API_KEY, demo_data=False) as simulator:
        yield simulator


@pytest.fixture
def place(running: Running) -> Iterator[Place]:
    running.reset()
    lists = [
        {"title": "News", "fields": FIELDS},
        {"title": "Service", "unsubscribe_setting": "OnlyThisList"},
    ]
    made = running.seed({"clients": [{"name": "Ann’s Bicycles", "lists": lists}]})
    with httpx.Client(base_url=running.base_url, headers=basic(API_KEY), timeout=10) as http:
        yield Place(running, made["clients"][0], http)
