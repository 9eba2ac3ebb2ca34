"""The OpenAPI document as what its pages show: operations with their parameters, bodies, answers and calls."""

from __future__ import annotations

import json
import pprint
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from django.utils.safestring import SafeString

from syncapp.api import catalogue, examples
from syncapp.api.fields import Field, kind_of, rows
from syncapp.api.prose import to_html, to_inline
from syncapp.api.schema import ERROR_CODES, JSON

METHODS = ("get", "put", "post", "patch", "delete")
PLACES = ("path", "query", "header")
Document = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Parameter:
    """`example` is what the try-it-out form begins with."""

    name: str
    place: str
    kind: str
    is_required: bool
    words: SafeString
    choices: tuple[str, ...]
    default: str
    example: str


@dataclass(frozen=True, slots=True)
class Body:
    """`samples`: (name, text) to begin with."""

    media_type: str
    fields: tuple[Field, ...]
    samples: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """`samples`: (name, JSON text)."""

    status: int
    words: SafeString
    fields: tuple[Field, ...]
    samples: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Operation:
    id: str
    method: str
    path: str
    tag: str
    summary: str
    words: SafeString
    scopes: tuple[str, ...]
    needs_key: bool
    parameters: tuple[Parameter, ...]
    bodies: tuple[Body, ...]
    answers: tuple[Answer, ...]
    errors: tuple[catalogue.Kind, ...]
    curl: str
    python: str


def operations(document: Document) -> list[Operation]:
    return [
        to_operation(document, path, method, item[method])
        for path, item in document["paths"].items()
        for method in METHODS
        if method in item
    ]


def to_operation(document: Document, path: str, method: str, described: Document) -> Operation:
    security = described.get("security", [])
    scopes = [scope for way in security for scope in way.get("oauth2", [])]
    sent = sample_request(described)
    bodies = to_bodies(document, described)
    parameters = [to_parameter(document, part, path, sent) for part in described.get("parameters", [])]
    return Operation(
        id=described["operationId"],
        method=method.upper(),
        path=path,
        tag=described["tags"][0],
        summary=described["summary"],
        words=to_html(described["description"]),
        scopes=tuple(scopes),
        needs_key=any("apiKey" in way for way in security),
        parameters=tuple(sorted(parameters, key=lambda part: PLACES.index(part.place))),
        bodies=bodies,
        answers=tuple(to_answers(document, described)),
        errors=tuple(catalogue.BY_CODE[code] for code in described.get(ERROR_CODES, ())),
        curl=to_curl(method.upper(), path, parameters, bodies, sent),
        python=to_python(method.upper(), path, parameters, bodies, sent),
    )


def sample_request(described: Document) -> dict[str, Any]:
    """The plainest recorded call that was answered well; empty where none was recorded."""
    for call in examples.of_operation(described["operationId"]):
        if call["response"]["status"] < 400:
            return dict(call["request"])
    return {}


def to_parameter(document: Document, part: Document, path: str, sent: Mapping[str, Any]) -> Parameter:
    schema = part["schema"]
    example = next((str(found["value"]) for found in part.get("examples", {}).values()), "")
    default = schema.get("default", "")
    return Parameter(
        name=part["name"],
        place=part["in"],
        kind=kind_of(schema, document["components"]["schemas"]),
        is_required=bool(part.get("required")),
        words=to_inline(part.get("description", "")),
        choices=("true", "false") if schema.get("type") == "boolean" else tuple(schema.get("enum", ())),
        default=json.dumps(default) if isinstance(default, bool) else str(default),
        example=sent_segment(path, str(sent.get("path", "")), part["name"]) or example,
    )


def sent_segment(template: str, path: str, name: str) -> str:
    """What a recorded path holds in the place of `{name}`."""
    segments = zip(template.split("/"), path.partition("?")[0].split("/"), strict=False)
    return next((given for wanted, given in segments if wanted == f"{{{name}}}"), "")


def to_bodies(document: Document, described: Document) -> tuple[Body, ...]:
    content = described.get("requestBody", {}).get("content", {})
    components = document["components"]["schemas"]
    return tuple(
        Body(media_type, tuple(rows(part["schema"], components)), samples_of(part))
        for media_type, part in content.items()
    )


def to_answers(document: Document, described: Document) -> list[Answer]:
    """The good ones; errors are listed by their code."""
    found = []
    for status, response in described["responses"].items():
        if int(status) >= 400:
            continue
        contents = list(response.get("content", {}).values())
        components = document["components"]["schemas"]
        fields = tuple(rows(contents[0]["schema"], components)) if contents else ()
        samples = tuple(sample for content in contents for sample in samples_of(content))
        found.append(Answer(int(status), to_inline(response["description"]), fields, samples))
    return found


def samples_of(content: Document) -> tuple[tuple[str, str], ...]:
    return tuple(
        (example.get("summary", name), to_text(example["value"]))
        for name, example in content.get("examples", {}).items()
    )


def to_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False)


def sample_address(path: str, parameters: list[Parameter], sent: Mapping[str, Any]) -> str:
    """The address of the recorded call, else the path with its examples filled in."""
    if sent:
        return str(sent["path"]).removeprefix("/api/v1")
    for part in parameters:
        if part.place == "path":
            path = path.replace(f"{{{part.name}}}", quote(part.example or "vip-2024", safe=""))
    return path.removeprefix("/api/v1")


def to_curl(
    method: str, path: str, parameters: list[Parameter], bodies: tuple[Body, ...], sent: Mapping[str, Any]
) -> str:
    address = sample_address(path, parameters, sent)
    parts = [f'curl -X {method} "$BASE{address}"' if method != "GET" else f'curl "$BASE{address}"']
    parts.append('-H "Authorization: Bearer $KEY"')
    if bodies and bodies[0].samples:
        parts.append(f"-H 'Content-Type: {bodies[0].media_type}'")
        parts.append(f"-d {shlex.quote(bodies[0].samples[0][1])}")
    return " \\\n  ".join(parts)


def to_python(
    method: str, path: str, parameters: list[Parameter], bodies: tuple[Body, ...], sent: Mapping[str, Any]
) -> str:
    """With httpx; a body as the Python value it is."""
    address = sample_address(path, parameters, sent)
    call = f'httpx.request("{method}", BASE + "{address}", headers=AUTH'
    if bodies and bodies[0].samples:
        media_type, sample = bodies[0].media_type, bodies[0].samples[0][1]
        call += f",\n    json={to_literal(sample)}" if media_type == JSON else f",\n    content={sample!r}"
    return f"answer = {call})\nanswer.raise_for_status()"


def to_literal(text: str) -> str:
    """JSON text as a Python value, on as many lines as it needs."""
    literal = pprint.pformat(json.loads(text), sort_dicts=False, width=84)
    return literal.replace("\n", "\n         ")
