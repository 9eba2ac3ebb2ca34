"""The journal of each address: every write that changed anything, once."""

from __future__ import annotations

import httpx
import pytest

from .conftest import Place


def events(place: Place, address: str) -> list[str]:
    return [entry.partition(":")[0] for entry in place.running.journals(place.list_id).get(address, [])]


def put(place: Place, old: str, new: str, **more: object) -> httpx.Response:
    body = {"EmailAddress": new, "ConsentToTrack": "Unchanged", **more}
    return place.http.put(f"subscribers/{place.list_id}.json", params={"email": old}, json=body)


def unsubscribe(place: Place, address: str) -> httpx.Response:
    return place.http.post(f"subscribers/{place.list_id}/unsubscribe.json", json={"EmailAddress": address})


def delete(place: Place, address: str) -> httpx.Response:
    return place.http.delete(f"subscribers/{place.list_id}.json", params={"email": address})


def test_every_kind_of_effect_is_noted_once(place: Place) -> None:
    city = [{"Key": "City", "Value": "Ghent"}]
    for _ in range(2):
        place.send_import({"EmailAddress": "Ann@example.com", "Name": "Ann"})
    for _ in range(2):
        place.send_import({"EmailAddress": "ann@example.com", "CustomFields": city})
    for _ in range(2):
        place.send_import(
            {"EmailAddress": "ann@example.com", "CustomFields": [{"Key": "City", "Value": "", "Clear": True}]}
        )
    for act in (delete, delete):
        act(place, "ann@example.com")
    for _ in range(2):
        place.send_import({"EmailAddress": "ann@example.com", "Name": "Back"}, Resubscribe=True)
    for act in (unsubscribe, unsubscribe):
        act(place, "ann@example.com")
    assert events(place, "ann@example.com") == [
        *("added", "updated", "updated", "deleted", "reactivated", "unsubscribed")
    ]
    assert place.running.addresses(place.list_id)["ann@example.com"] == {"receipts": 12, "effects": 6}
    assert place.running.doubled(place.list_id) == {}


def test_a_rename_is_in_both_journals(place: Place) -> None:
    place.send_import({"EmailAddress": "old@example.com"})
    assert put(place, "old@example.com", "New@example.com").status_code == 200
    assert put(place, "old@example.com", "New@example.com").status_code == 400
    assert place.running.journals(place.list_id)["old@example.com"] == [
        "added",
        "renamed_away:new@example.com",
    ]
    assert events(place, "new@example.com") == ["renamed"]
    counts = place.running.addresses(place.list_id)
    assert (counts["old@example.com"]["effects"], counts["new@example.com"]["effects"]) == (2, 1)
    assert put(place, "new@example.com", "NEW@example.com").status_code == 200
    assert events(place, "new@example.com") == ["renamed", "renamed"]


def test_an_old_request_that_comes_late_is_an_effect_twice(place: Place) -> None:
    """Retried after a newer one: the person goes back and forth, and each send looked right by itself."""
    rows = [{"EmailAddress": "ann@example.com", "Name": name} for name in ("Ann", "Anna", "Anne")]
    for row in (rows[0], rows[1], rows[2], rows[1], rows[2]):
        place.send_import(row)
    doubled = place.running.doubled(place.list_id)
    assert list(doubled) == ["ann@example.com"]
    assert len(doubled["ann@example.com"]) == 5


def test_what_people_and_the_esp_do_is_not_ours(place: Place) -> None:
    place.send_import({"EmailAddress": "ann@example.com"})
    place.running.act("unsubscribe", list_id=place.list_id, email="ann@example.com")
    assert events(place, "ann@example.com") == ["added"]


@pytest.mark.parametrize(
    "write", [lambda place: unsubscribe(place, "nobody@example.com"), lambda place: delete(place, "x")]
)
def test_a_refused_write_has_no_effect(place: Place, write: object) -> None:
    assert write(place).status_code == 400  # type: ignore[operator]
    assert place.running.journals(place.list_id) == {}


def test_counters_are_cleared_together(place: Place) -> None:
    place.send_import({"EmailAddress": "ann@example.com"})
    place.running.clear_counters()
    assert place.running.journals(place.list_id) == {}
    assert place.running.addresses(place.list_id) == {}
