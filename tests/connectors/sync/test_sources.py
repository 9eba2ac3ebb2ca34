"""What a person's inputs become on the way to the ESP."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from connectors.esp.contract import Contact
from connectors.sync.sources import Field, Shape, contact_maker

SHAPE = Shape(
    1,
    (
        Field("profile:name", "name"),
        Field("property:city", "[City]"),
        Field("property:born", "[Born]"),
        Field("profile:audiences", "[In]"),
    ),
    {"city": "text", "born": "date"},
)


@pytest.mark.parametrize(
    ("inputs", "contact"),
    [
        (
            [1, "eve@example.com", "Gent", "1980-02-03", ["Everyone"], " Eve ", "de  Vries"],
            Contact(
                "eve@example.com",
                "Eve de Vries",
                {"[City]": "Gent", "[Born]": date(1980, 2, 3), "[In]": ["Everyone"]},
            ),
        ),
        (
            [1, "eve@example.com", None, "unknown", None, None, "Vries"],
            Contact("eve@example.com", "Vries", {"[City]": None, "[Born]": "unknown", "[In]": None}),
        ),
        (
            [1, "eve@example.com", 0, 1980, [], None, None],
            Contact("eve@example.com", "", {"[City]": 0, "[Born]": 1980, "[In]": []}),
        ),
    ],
)
def test_inputs_become_a_contact(inputs: list[Any], contact: Contact):
    assert contact_maker(SHAPE)(inputs) == contact


def test_without_a_name_nothing_is_said_of_it():
    shape = Shape(1, (Field("profile:external_id", "[Number]"),), {})
    assert contact_maker(shape)([1, "eve@example.com", "A-7"]) == Contact(
        "eve@example.com", "", {"[Number]": "A-7"}
    )
