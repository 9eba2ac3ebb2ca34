"""Where a mapping takes its value from: once as SQL for the fingerprint, once as Python for the payload.

`property:<key>` · `profile:external_id` · `profile:name` (first and last name as one) · `profile:audiences`
(the names of the goal's audiences the person is in).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from audiences.models import Property
from connectors.esp.contract import Contact, Value, joined_name
from connectors.models import Goal

NAME_TARGET = "name"
NAME_PROPERTIES = ("first_name", "last_name")


@dataclass(frozen=True, slots=True)
class Field:
    """One mapping of a goal, as a run keeps it."""

    source: str
    target: str

    @property
    def property_key(self) -> str | None:
        kind, _, key = self.source.partition(":")
        return key if kind == "property" else None


@dataclass(frozen=True, slots=True)
class Shape:
    """Everything a goal's payload is made of. Two equal shapes make equal payloads of equal people."""

    version: int
    fields: tuple[Field, ...]
    types: Mapping[str, str]

    @classmethod
    def of(cls, goal: Goal) -> Shape:
        fields = tuple(Field(mapping.source, mapping.target) for mapping in goal.mappings.all())
        keys = [field.property_key for field in fields if field.property_key]
        types = dict(Property.objects.of(goal.account_id).filter(key__in=keys).values_list("key", "type"))
        return cls(goal.version, fields, types)


def fingerprint_sql(shape: Shape, parameters: dict[str, Any]) -> str:
    """A uuid over every input of the payload, for profile `p`; fills in the parameters it needs.

    Needs `%(account)s` and `%(audiences)s`.
    """
    parameters["shape_version"] = shape.version
    inputs = ["%(shape_version)s::int", "p.email"]
    for number, field in enumerate(shape.fields):
        inputs.append(_input_sql(field, f"field_{number}", parameters))
    return f"md5(jsonb_build_array({', '.join(inputs)})::text)::uuid"


def _input_sql(field: Field, name: str, parameters: dict[str, Any]) -> str:
    if field.property_key is not None:
        parameters[name] = field.property_key
        return f"p.properties -> %({name})s::text"
    if field.source == "profile:external_id":
        return "p.external_id"
    if field.source == "profile:name":
        return "p.properties -> 'first_name', p.properties -> 'last_name'"
    if field.source == "profile:audiences":
        return audiences_sql()
    raise ValueError(f"A mapping takes its value from “{field.source}”, which does not exist.")


def audiences_sql() -> str:
    """The names of the goal's audiences that profile `p` is in, as a JSON list."""
    return (
        "(SELECT jsonb_agg(a.name ORDER BY a.name) FROM audiences_member m JOIN audiences_audience a"
        " ON a.account_id = m.account_id AND a.id = m.audience_id"
        " WHERE m.account_id = %(account)s AND m.profile_id = p.id AND m.state = 'member'"
        " AND m.audience_id = ANY(%(audiences)s))"
    )


def to_contact(
    shape: Shape,
    address: str,
    external_id: str | None,
    properties: Mapping[str, Any],
    audiences: Sequence[str] | None,
) -> Contact:
    """The person as the ESP gets them."""
    name = ""
    values: dict[str, Value] = {}
    for field in shape.fields:
        value = _value(field, shape, external_id, properties, audiences)
        if field.target == NAME_TARGET:
            name = joined_name(str(value)) if value is not None else ""
        else:
            values[field.target] = value
    return Contact(address=address, name=name, values=values)


def _value(
    field: Field,
    shape: Shape,
    external_id: str | None,
    properties: Mapping[str, Any],
    audiences: Sequence[str] | None,
) -> Value:
    key = field.property_key
    if key is not None:
        return typed(properties.get(key), shape.types.get(key, Property.Type.TEXT))
    if field.source == "profile:external_id":
        return external_id
    if field.source == "profile:name":
        return joined_name(
            *(str(properties[key]) for key in NAME_PROPERTIES if properties.get(key) is not None)
        )
    return list(audiences or ())


def typed(stored: Any, type_: str) -> Value:
    """A stored JSON value as the property's type; what does not fit the type goes as it is stored."""
    if not isinstance(stored, str):
        return stored if not isinstance(stored, dict) else str(stored)
    if type_ not in (Property.Type.DATE, Property.Type.DATETIME):
        return stored
    try:
        return date.fromisoformat(stored) if type_ == Property.Type.DATE else datetime.fromisoformat(stored)
    except ValueError:
        return stored
