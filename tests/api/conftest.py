"""A client that speaks to the API as an external system does: with a key, and with paths sent as they are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import orjson
import pytest
from django.test import Client

from audiences.models import Audience
from syncapp.accounts import keys
from syncapp.accounts.models import Account, ApiKey
from tests.api.described import require_documented

PROBLEM = "application/problem+json"


class Api:
    """The test client, with `RAW_URI` as web servers give it. Answers of 500 are answers, not exceptions."""

    def __init__(self, key: str = "") -> None:
        self.key = key
        self._client = Client(raise_request_exception=False)

    def send(self, method: str, path: str, body: Any = None, /, **headers: Any) -> Any:
        extra = {f"HTTP_{name.upper()}": value for name, value in headers.items()}
        extra.setdefault("HTTP_AUTHORIZATION", f"Bearer {self.key}")
        content_type = extra.pop("HTTP_CONTENT_TYPE", "application/json")
        data = body if isinstance(body, bytes) else b"" if body is None else orjson.dumps(body)
        url = path if path.startswith("/api") else f"/api/v1{path}"
        response = self._client.generic(method, url, data, content_type=content_type, RAW_URI=url, **extra)
        code = ""
        if response.status_code >= 400:
            assert response.headers["Content-Type"] == PROBLEM, response.content
            code = response.json()["code"] if response.content else ""
        require_documented(method, url, response.status_code, code)
        return response

    def get(self, path: str, **headers: Any) -> Any:
        return self.send("GET", path, **headers)

    def put(self, path: str, body: Any, **headers: Any) -> Any:
        return self.send("PUT", path, body, **headers)

    def post(self, path: str, body: Any, **headers: Any) -> Any:
        return self.send("POST", path, body, **headers)

    def delete(self, path: str, **headers: Any) -> Any:
        return self.send("DELETE", path, **headers)

    def batch(self, external_id: str, body: Any, query: str = "", **headers: Any) -> Any:
        return self.post(f"/audiences/{quote(external_id, safe='')}/members/batch{query}", body, **headers)

    def members(self, external_id: str) -> list[str]:
        """External ids, or addresses where there is none."""
        found: list[str] = []
        path = f"/audiences/{quote(external_id, safe='')}/members?limit=1000"
        query = ""
        while True:
            page = self.get(path + query).json()
            found += [item["contact"]["external_id"] or item["contact"]["email"] for item in page["items"]]
            if page["next_cursor"] is None:
                return found
            query = f"&cursor={page['next_cursor']}"


@pytest.fixture
def api_of(db: None) -> Callable[..., Api]:
    """A client with a key of the account; all scopes unless named."""

    def make(account: Account, label: str = "ERP", scopes: list[str] | None = None) -> Api:
        _, key = keys.issue(account, label, ApiKey.Scope.values if scopes is None else scopes)
        return Api(key)

    return make


@pytest.fixture
def api(api_of: Callable[..., Api], ann_account: Account) -> Api:
    return api_of(ann_account)


@pytest.fixture
def vip(audience_of: Callable[..., Audience], ann_account: Account) -> Audience:
    """Ann's pushed audience, empty."""
    return audience_of(ann_account, "VIP 2024", external_id="vip-2024", unknown_contacts="create")
