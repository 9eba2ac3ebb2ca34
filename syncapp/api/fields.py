"""A JSON schema as rows to read: one per field, nested ones below their parent."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.utils.safestring import SafeString

from syncapp.api.prose import to_inline

DEPTH = 4
REF = "#/components/schemas/"
Schema = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Field:
    """`depth` is 0 for a field of the body itself. `kind` is in words: “list of text, up to 50”."""

    name: str
    depth: int
    kind: str
    is_required: bool
    words: SafeString


def rows(schema: Schema, components: dict[str, Schema], depth: int = 0) -> Iterator[Field]:
    """The fields of an object, in the order of the schema; none where it is no object."""
    target = resolve(schema, components)
    required = target.get("required", [])
    for name, part in target.get("properties", {}).items():
        plain = resolve(part, components)
        words = to_inline(plain.get("description", part.get("description", "")))
        yield Field(name, depth, kind_of(part, components), name in required, words)
        if depth + 1 < DEPTH:
            yield from rows(plain.get("items", plain), components, depth + 1)


def resolve(schema: Schema, components: dict[str, Schema]) -> Schema:
    """What a reference, or the one part that is not null, stands for. What the reference says itself wins."""
    if "$ref" in schema:
        target = resolve(components[schema["$ref"].removeprefix(REF)], components)
        return {**target, **{name: value for name, value in schema.items() if name != "$ref"}}
    choices = [part for part in schema.get("anyOf", []) if part != {"type": "null"}]
    if len(choices) == 1:
        outer = {name: value for name, value in schema.items() if name not in ("anyOf", "default")}
        return {**resolve(choices[0], components), **outer}
    return schema


def kind_of(schema: Schema, components: dict[str, Schema]) -> str:
    words = plain_kind(resolve(schema, components), components)
    return f"{words}, or null" if {"type": "null"} in schema.get("anyOf", []) else words


def plain_kind(schema: Schema, components: dict[str, Schema]) -> str:
    if "enum" in schema:
        return " | ".join(f"“{choice}”" for choice in schema["enum"])
    if "anyOf" in schema:
        parts = [part for part in schema["anyOf"] if part != {"type": "null"}]
        return " or ".join(dict.fromkeys(kind_of(part, components) for part in parts))
    name = schema.get("type", "anything")
    if name == "array":
        least = f", up to {schema['maxItems']:,}" if "maxItems" in schema else ""
        return f"list of {kind_of(schema.get('items', {}), components)}{least}"
    if name == "string":
        return text_kind(schema)
    if name == "integer":
        return "whole number" + between(schema.get("minimum"), schema.get("maximum"))
    return {"boolean": "true or false", "number": "number", "object": "object"}.get(str(name), str(name))


def text_kind(schema: Schema) -> str:
    if schema.get("format") == "date-time":
        return "time"
    limits = between(schema.get("minLength"), schema.get("maxLength"))
    return f"text{limits and f'{limits} characters'}"


def between(least: int | None, most: int | None) -> str:
    """ " from 1 to 255", " up to 255", " from 1", or nothing."""
    if most is None:
        return "" if least is None else f" from {least:,}"
    return f" from {least:,} to {most:,}" if least else f" up to {most:,}"
