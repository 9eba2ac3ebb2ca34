"""Custom fields: keys made from names, options, and everything that is refused."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest

from .conftest import Place


def fields_of(place: Place) -> dict[str, dict[str, Any]]:
    found = place.http.get(f"lists/{place.list_id}/customfields.json").json()
    return {field["Key"]: field for field in found}


def create(place: Place, **body: Any) -> Any:
    return place.http.post(f"lists/{place.list_id}/customfields.json", json=body)


def test_the_key_is_the_name_without_its_spaces(place: Place) -> None:
    answer = create(place, FieldName="Newsletter Format", DataType="Text", VisibleInPreferenceCenter=False)
    assert (answer.status_code, answer.json()) == (201, "[NewsletterFormat]")
    assert fields_of(place)["[NewsletterFormat]"] == {
        "FieldName": "Newsletter Format",
        "Key": "[NewsletterFormat]",
        "DataType": "Text",
        "FieldOptions": [],
        "VisibleInPreferenceCenter": False,
    }


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"FieldName": "", "DataType": "Text"}, 254),
        ({"FieldName": "x" * 101, "DataType": "Text"}, 254),
        ({"FieldName": "First name", "DataType": "Text"}, 254),
        ({"FieldName": "city", "DataType": "Text"}, 255),
        ({"FieldName": "DateOfBirth", "DataType": "Text"}, 255),
        ({"FieldName": "A", "DataType": "Text", "Options": ["x"]}, 256),
        ({"FieldName": "A", "DataType": "MultiSelectOne"}, 257),
        ({"FieldName": "A", "DataType": "Colour"}, 259),
    ],
)
def test_a_field_that_cannot_be_made(place: Place, body: dict[str, Any], code: int) -> None:
    answer = create(place, **body)
    assert (answer.status_code, answer.json()["Code"]) == (400, code)


def test_a_list_holds_fifty(place: Place) -> None:
    for number in range(45):
        assert create(place, FieldName=f"Field {number}", DataType="Text").status_code == 201
    assert create(place, FieldName="One more", DataType="Text").json()["Code"] == 260


def test_a_name_without_latin_letters_has_an_empty_key(place: Place) -> None:
    assert create(place, FieldName="生日", DataType="Text").json() == "[]"


def test_renaming_changes_the_key_and_keeps_the_values(place: Place) -> None:
    place.send_import({"EmailAddress": "a@example.com", "CustomFields": [{"Key": "City", "Value": "Ghent"}]})
    path = f"lists/{place.list_id}/customfields/{quote('[City]')}.json"
    answer = place.http.put(path, json={"FieldName": "Home town", "VisibleInPreferenceCenter": True})
    assert (answer.status_code, answer.json()) == (200, "[Hometown]")
    assert place.values("a@example.com") == [("[Hometown]", "Ghent")]
    place.send_import({"EmailAddress": "a@example.com", "CustomFields": [{"Key": "City", "Value": "Lost"}]})
    assert place.values("a@example.com") == [("[Hometown]", "Ghent")]


def test_options_are_added_or_replaced(place: Place) -> None:
    def change(key: str, **body: Any) -> Any:
        return place.http.put(f"lists/{place.list_id}/customfields/{quote(key)}/options.json", json=body)

    assert change("[Size]", Options=["Huge"], KeepExistingOptions=True).content == b""
    assert fields_of(place)["[Size]"]["FieldOptions"] == ["Small", "Large", "Huge"]
    change("[Size]", Options=["Tiny"], KeepExistingOptions=False)
    assert fields_of(place)["[Size]"]["FieldOptions"] == ["Tiny"]
    assert change("[Size]", Options=[]).json()["Code"] == 257
    assert change("[City]", Options=["x"]).json()["Code"] == 256
    assert change("City", Options=["x"]).json()["Code"] == 253


def test_a_deleted_field_takes_its_values_along(place: Place) -> None:
    place.send_import({"EmailAddress": "a@example.com", "CustomFields": [{"Key": "City", "Value": "Ghent"}]})
    path = f"lists/{place.list_id}/customfields/%5BCity%5D.json"
    assert place.http.delete(path).content == b""
    assert place.http.delete(path).json()["Code"] == 253
    assert place.values("a@example.com") == []
