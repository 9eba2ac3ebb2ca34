"""A system that speaks Mail+: it signs with an independent OAuth library and sends what it signed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import orjson
from django.test import Client
from oauthlib import oauth1

BASE = "/compat/mailplus/integrationservice-1.1.0"


@dataclass
class Answer:
    status: int
    body: Any
    headers: Any
    content: bytes


@dataclass
class MailPlus:
    """`path` is below the base and encoded already; the body is JSON unless bytes are given."""

    key: str
    secret: str
    base: str = BASE
    host: str = "http://localhost:8000"
    client: Client = field(default_factory=lambda: Client(raise_request_exception=False))

    def sign(self, method: str, path: str, **options: Any) -> str:
        signer = oauth1.Client(self.key, client_secret=self.secret, **options)
        _, headers, _ = signer.sign(f"{self.host}{self.base}{path}", http_method=method)
        return str(headers["Authorization"])

    def send(
        self, method: str, path: str, body: Any = None, *, sign: dict[str, Any] | None = None, **headers: str
    ) -> Answer:
        extra = {f"HTTP_{name.upper()}": value for name, value in headers.items()}
        extra.setdefault("HTTP_AUTHORIZATION", self.sign(method, path, **(sign or {})))
        content_type = extra.pop("HTTP_CONTENT_TYPE", "application/json")
        data = body if isinstance(body, bytes) else b"" if body is None else orjson.dumps(body)
        url = f"{self.base}{path}"
        response = self.client.generic(
            method,
            url,
            data,
            content_type=content_type,
            RAW_URI=url,
            SERVER_NAME="localhost",
            SERVER_PORT="8000",
            **extra,
        )
        is_json = response.headers.get("Content-Type") == "application/json"
        return Answer(
            response.status_code,
            orjson.loads(response.content) if is_json else None,
            response.headers,
            response.content,
        )

    def get(self, path: str, **headers: str) -> Answer:
        return self.send("GET", path, **headers)

    def post(self, path: str, body: Any, **headers: str) -> Answer:
        return self.send("POST", path, body, **headers)

    def put(self, path: str, body: Any, **headers: str) -> Answer:
        return self.send("PUT", path, body, **headers)

    def delete(self, path: str, body: Any = None, **headers: str) -> Answer:
        return self.send("DELETE", path, body, **headers)


def to_path(external_id: str, rest: str = "") -> str:
    return f"/audience/{quote(external_id, safe='')}{rest}"
