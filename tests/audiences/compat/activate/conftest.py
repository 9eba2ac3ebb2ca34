"""A shop that speaks Activate's API."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import orjson
import pytest
from django.test import Client

from audiences.models import Property, PushSettings
from syncapp.accounts import keys, scope
from syncapp.accounts.models import ApiKey

BASE = "/compat/activate"


@dataclass
class Shop:
    account: str
    key: str
    client: Client = field(default_factory=lambda: Client(raise_request_exception=False))

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        extra = {f"HTTP_{name.upper()}": value for name, value in headers.items()}
        extra.setdefault("HTTP_X_AUTH_ACCOUNT", self.account)
        extra.setdefault("HTTP_X_AUTH_APIKEY", self.key)
        data = body if isinstance(body, bytes) else b"" if body is None else orjson.dumps(body)
        url = f"{BASE}{path}"
        content_type = extra.pop("HTTP_CONTENT_TYPE", "application/json")
        response = self.client.generic(method, url, data, content_type=content_type, RAW_URI=url, **extra)
        assert response.headers["Content-Type"] == "application/json", response.content
        return response

    def post(self, path: str, body: Any = None, **headers: str) -> Any:
        return self.send("POST", path, body, **headers)

    def track(self, *events: Any) -> Any:
        """The answer's body; everything was taken."""
        response = self.post("/v1/track", {"events": list(events)})
        assert response.status_code == 200, response.content
        assert response.json()["success"], response.content
        return response.json()


@pytest.fixture
def shop_of(db):
    def make(account, label="Shop", scopes=None):
        _, key = keys.issue(account, label, ApiKey.Scope.values if scopes is None else scopes)
        return Shop(account.slug, key)

    return make


@pytest.fixture
def shop(shop_of, ann_account):
    return shop_of(ann_account)


@pytest.fixture
def settings_of(db):
    def make(account, **values):
        with scope.account(account):
            PushSettings.objects.update_or_create(account=account, defaults=values)

    return make


@pytest.fixture
def properties(ann_account):
    with scope.account(ann_account):
        for key, kind in (
            ("first_name", "text"),
            ("last_name", "text"),
            ("gender", "text"),
            ("birthdate", "date"),
            ("phone", "text"),
            ("postcode", "text"),
            ("language", "text"),
            ("points", "number"),
            ("custom_colour", "text"),
            ("shoe_size", "number"),
        ):
            Property.objects.create(account=ann_account, key=key, label=key, type=kind)
