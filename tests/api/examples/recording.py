"""Calls that become examples."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from django.utils import timezone

from audiences.jobs.carrying import carry_out
from audiences.models import Job
from syncapp.accounts import keys, scope
from syncapp.accounts.models import Account, ApiKey
from syncapp.api.pages import openapi_document
from syncapp.work import Slice
from tests.api.conftest import Api
from tests.api.examples.plain import Plain

JSON = "application/json"
SHOWN_HEADERS = ("Content-Type", "ETag", "Location", "Retry-After", "Link", "Idempotency-Replayed")
PROBLEM = "application/problem+json"
Call = dict[str, Any]


class Recorder:
    """One scene: an account of its own, and the calls made in it by operation."""

    def __init__(self, account: Account) -> None:
        self.account = account
        _, key = keys.issue(account, "ERP", ApiKey.Scope.values)
        self.api = Api(key)
        self.calls: dict[str, list[Call]] = {}
        self._plain = Plain(timezone.now())
        self._operations = paths()

    def call(self, name: str, method: str, path: str, body: Any = None, /, **headers: str) -> Any:
        """Make the call and keep it as an example; the answer."""
        self._plain.keep_times(json.dumps(body) + path)
        answer = self.send(method, path, body, **headers)
        self.keep(name, self.request(method, path, body, headers), answer)
        return answer

    def call_as(self, name: str, api: Api, method: str, path: str, body: Any = None, /) -> Any:
        """As `call`, with another key."""
        answer = api.send(method, path, body)
        self.keep(name, self.request(method, path, body, {}), answer)
        return answer

    def call_beside(self, operation: str, name: str, method: str, path: str, /, **headers: str) -> Any:
        """As `call`, where the call reaches no operation; it is kept with the named one."""
        answer = self.send(method, path, **headers)
        self.keep(name, self.request(method, path, None, headers), answer, operation)
        return answer

    def keep(self, name: str, request: Call, answer: Any, operation: str = "") -> None:
        operation = operation or self.operation(request["method"], request["path"])
        made = {"name": name, "request": request, "response": self.response(answer)}
        self.calls.setdefault(operation, []).append(made)

    def call_with_many(self, name: str, method: str, path: str, body: dict[str, list[Any]], /) -> Any:
        """As `call`, for a body too long to show: of its lists the first two entries are kept."""
        answer = self.send(method, path, body)
        shown = {key: value[:2] for key, value in body.items()}
        self.keep(name, self.request(method, path, shown, {}), answer)
        return answer

    def send(self, method: str, path: str, body: Any = None, /, **headers: str) -> Any:
        """Make the call only."""
        given = body.encode() if isinstance(body, str) else body
        return self.api.send(method, path, given, **headers)

    def work(self) -> None:
        """Carry out the account's jobs, as a worker does."""
        with scope.account(self.account):
            for job in Job.objects.filter(state__in=["queued", "running"]).order_by("pk"):
                while carry_out(self.account.pk, str(job.pk), Slice()) is not None:
                    pass

    def request(self, method: str, path: str, body: Any, headers: dict[str, str]) -> Call:
        shown = {to_header(name): self._plain.text(value) for name, value in headers.items()}
        if body is not None:
            shown.setdefault("Content-Type", JSON)
        sent = None if body is None else self._plain.value(body)
        url = path if path.startswith("/api") else f"/api/v1{path}"
        return {"method": method, "path": self._plain.text(url), "headers": shown, "body": sent}

    def response(self, answer: Any) -> Call:
        headers = {
            name: self._plain.text(answer.headers[name]) for name in SHOWN_HEADERS if name in answer.headers
        }
        if answer.status_code == 405:
            headers["Allow"] = answer.headers["Allow"]
        if answer.status_code == 429:
            headers["Retry-After"] = "41"
        content = b"".join(answer.streaming_content) if answer.streaming else answer.content
        kind = headers.get("Content-Type", "")
        if content == b"":
            headers.pop("Content-Type", None)
            body: Any = None
        elif kind in (JSON, PROBLEM):
            body = self._plain.value(json.loads(content))
        else:
            body = self._plain.text(content.decode())
        return {"status": answer.status_code, "headers": headers, "body": body}

    def operation(self, method: str, path: str) -> str:
        plain = path.partition("?")[0]
        plain = plain if plain.startswith("/api") else f"/api/v1{plain}"
        for pattern, item in self._operations:
            if pattern.fullmatch(plain) and method.lower() in item:
                return str(item[method.lower()]["operationId"])
        raise LookupError(f"No documented operation {method} {plain}.")


Scene = Callable[[Recorder], None]


def paths() -> list[tuple[re.Pattern[str], dict[str, Any]]]:
    """Documented paths as patterns, those with the fewest parameters first."""
    found = sorted(openapi_document()["paths"].items(), key=lambda one: one[0].count("{"))
    return [(re.compile(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(path))), item) for path, item in found]


def to_header(name: str) -> str:
    return "-".join(word.capitalize() for word in name.split("_")).replace("Etag", "ETag")
