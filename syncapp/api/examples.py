"""Recorded calls: what a request looked like and what was answered, written by tests (tests/api/examples).

A folder has one file per operation, named as its operationId:
`[{"name", "request": {"method", "path", "headers", "body"}, "response": {"status", "headers", "body"}}, …]`.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

JSON = "application/json"
_folders: list[Path] = []


def register(folder: Path) -> None:
    if folder not in _folders:
        _folders.append(folder)


def folders() -> list[Path]:
    return list(_folders)


@cache
def of_operation(operation_id: str) -> list[dict[str, Any]]:
    """The recorded calls of an operation, the plainest first; none where nothing was recorded."""
    found: list[dict[str, Any]] = []
    for folder in _folders:
        path = folder / f"{operation_id}.json"
        if path.is_file():
            found += json.loads(path.read_text())
    return found


@cache
def of_codes() -> dict[str, dict[str, Any]]:
    """Per error code the first recorded call that was answered with it."""
    found: dict[str, dict[str, Any]] = {}
    for folder in _folders:
        for path in sorted(folder.glob("*.json")):
            for call in json.loads(path.read_text()):
                body = call["response"]["body"]
                if isinstance(body, dict) and call["response"]["status"] >= 400:
                    found.setdefault(body.get("code", ""), call)
    return found


def add_recorded(operation: dict[str, Any]) -> None:
    """Put the recorded calls of an OpenAPI operation among its examples; they replace those written by hand."""
    bodies: dict[int, dict[str, Any]] = {}
    for call in of_operation(operation.get("operationId", "")):
        example = {"summary": call["name"], "value": None}
        name = to_name(call["name"])
        request = operation.get("requestBody", {}).get("content", {})
        sent = call["request"]
        if sent["body"] is not None and call["response"]["status"] < 400:
            kind = sent["headers"].get("Content-Type", JSON)
            collect(bodies, request.get(kind), name, {**example, "value": sent["body"]})
        answered = call["response"]
        response = operation["responses"].get(str(answered["status"]))
        if response is not None and answered["body"] is not None:
            kind = answered["headers"].get("Content-Type", JSON).partition(";")[0]
            content = response.get("content", {}).get(kind)
            collect(bodies, content, name, {**example, "value": answered["body"]})


def collect(
    bodies: dict[int, dict[str, Any]], content: dict[str, Any] | None, name: str, example: dict[str, Any]
) -> None:
    """The first recorded example of a content takes the place of what was there."""
    if content is None:
        return
    if id(content) not in bodies:
        bodies[id(content)] = content["examples"] = {}
    bodies[id(content)][name] = example


def to_name(words: str) -> str:
    return "".join(word.capitalize() for word in words.split())
