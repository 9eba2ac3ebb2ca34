"""Where a mapping takes its value from: once as SQL for the fingerprint, once as Python for the payload.

`property:<key>` · `profile:external_id` · `profile:name` (first and last name as one) · `profile:audiences`
(the names of the goal's audiences the person is in).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from audiences.models import Property
from connectors.esp.contract import Contact, Value, joined_name
from connectors.models import Goal

NAME_TARGET = "name"
NAME_PROPERTIES = ("first_name", "last_name")
FIRST_VALUE_AT = 2  # of the inputs; before it come version and address
MOMENTS: Mapping[str, Callable[[str], Value]] = {
    Property.Type.DATE: date.fromisoformat,
    Property.Type.DATETIME: datetime.fromisoformat,
}


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

    @property
    def values(self) -> tuple[Field, ...]:
        """The fields that fill a field of the list."""
        return tuple(field for field in self.fields if field.target != NAME_TARGET)

    @property
    def names(self) -> tuple[Field, ...]:
        """The one that makes the name, if any."""
        return tuple(field for field in self.fields if field.target == NAME_TARGET)

    @classmethod
    def of(cls, goal: Goal) -> Shape:
        fields = tuple(Field(mapping.source, mapping.target) for mapping in goal.mappings.all())
        keys = [field.property_key for field in fields if field.property_key]
        types = dict(Property.objects.of(goal.account_id).filter(key__in=keys).values_list("key", "type"))
        return cls(goal.version, fields, types)


def inputs_sql(shape: Shape, parameters: dict[str, Any]) -> str:
    """Every input of the payload of profile `p` as the text of a JSON list; fills in the parameters it needs.

    [version, address, one value per field but the name, then the parts of the name]. Needs `%(account)s` and
    `%(audiences)s`. `contact_maker` reads it, and its fingerprint tells whether anything changed.
    """
    parameters["shape_version"] = shape.version
    inputs = ["%(shape_version)s::int", "p.email"]
    for number, field in enumerate((*shape.values, *shape.names)):
        inputs.append(_input_sql(field, f"field_{number}", parameters))
    return f"jsonb_build_array({', '.join(inputs)})::text"


def fingerprint_sql(inputs: str) -> str:
    """A uuid over the inputs, given as SQL."""
    return f"md5({inputs})::uuid"


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


def contact_maker(shape: Shape) -> Callable[[list[Any]], Contact]:
    """A function from a person's inputs (see `inputs_sql`) to the person as the ESP gets them."""
    targets = tuple(field.target for field in shape.values)
    name_at = FIRST_VALUE_AT + len(targets)
    moments = [
        (FIRST_VALUE_AT + number, MOMENTS[type_])
        for number, field in enumerate(shape.values)
        if (type_ := shape.types.get(field.property_key or "", "")) in MOMENTS
    ]

    def to_contact(inputs: list[Any]) -> Contact:
        for place, read in moments:
            inputs[place] = moment(inputs[place], read)
        name = joined_name(*[str(part) for part in inputs[name_at:] if part is not None])
        return Contact(inputs[1], name, dict(zip(targets, inputs[FIRST_VALUE_AT:name_at], strict=True)))

    return to_contact


def moment(stored: Any, read: Callable[[str], Value]) -> Value:
    """A stored date or time as one; what is none goes as it is stored."""
    try:
        return read(stored) if isinstance(stored, str) else stored
    except ValueError:
        return stored  # type: ignore[no-any-return]
