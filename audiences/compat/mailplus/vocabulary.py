"""What an account's properties and objectives are called in Mail+'s words.

Properties keep their keys; `email` and `permissions` stand for the address and the consents. The bit of a permission
is the number of our objective: it never changes and is never given again, also where another objective is deleted, so
that a client that remembers bits can never write a consent to the wrong one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from audiences.compat.values import to_key
from audiences.models import Objective, Property

EMAIL, PERMISSIONS = "email", "permissions"
TYPES = {
    Property.Type.TEXT: "string",
    Property.Type.NUMBER: "int",
    Property.Type.BOOLEAN: "string",
    Property.Type.DATE: "date",
    Property.Type.DATETIME: "dateTime",
    Property.Type.LIST: "string",
}
TYPES_BY_KEY = {
    "gender": "gender",
    "birthdate": "birthdate",
    "birth_date": "birthdate",
    "postcode": "postcode",
}


@dataclass(frozen=True)
class Vocabulary:
    """`properties`: by key. `objectives`: in the order they were made."""

    properties: Mapping[str, Property]
    objectives: tuple[Objective, ...]

    @cached_property
    def bits(self) -> dict[int, str]:
        return {objective.pk: objective.key for objective in self.objectives}

    def property_of(self, name: str) -> Property | None:
        """By its key, or by its key as others write it: `firstName` is `first_name`."""
        return self.properties.get(name) or self.properties.get(to_key(name))


def vocabulary_of(account_id: int) -> Vocabulary:
    properties = Property.objects.of(account_id).order_by("pk")
    return Vocabulary(
        {one.key: one for one in properties if one.key not in (EMAIL, PERMISSIONS)},
        tuple(Objective.objects.of(account_id).order_by("pk")),
    )


def describe(words: Vocabulary) -> list[dict[str, Any]]:
    """`GET /contact/properties/list`."""
    own = [
        {"name": one.key, "description": one.label, "type": to_type(one), "entries": []}
        for one in words.properties.values()
    ]
    entries = [
        {"bit": objective.pk, "description": objective.label, "rank": rank}
        for rank, objective in enumerate(words.objectives, 1)
    ]
    return [
        {"name": EMAIL, "description": "E-mail address", "type": "email", "entries": []},
        *own,
        {"name": PERMISSIONS, "description": "Permissions", "type": "set", "entries": entries},
    ]


def to_type(one: Property) -> str:
    return TYPES_BY_KEY.get(one.key) or TYPES[Property.Type(one.type)]
