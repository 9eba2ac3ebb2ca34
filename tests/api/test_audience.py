"""One audience over HTTP: put, read, delete."""

from __future__ import annotations


def test_put_creates_then_finds_everything_as_it_is(api):
    first = api.put("/audiences/vip-2024", {"name": "VIP 2024", "tags": ["crm"], "source": {"system": "ERP"}})
    assert first.status_code == 201, first.content
    assert first.headers["Location"] == "/api/v1/audiences/vip-2024"
    assert first.headers["ETag"] == '"1"'
    body = first.json()
    assert (body["external_id"], body["name"], body["tags"]) == ("vip-2024", "VIP 2024", ["crm"])
    assert body["source"] == {"client_id": api.key.split("_")[2], "system": "ERP"}
    again = api.put("/audiences/vip-2024", {"name": "VIP 2024"})
    assert (again.status_code, again.json()) == (200, body)
    assert api.get("/audiences/vip-2024").json() == body


def test_put_changes_only_what_it_names_and_null_brings_the_default_back(api):
    api.put("/audiences/a", {"name": "A", "description": "first", "unknown_contacts": "hold"})
    changed = api.put("/audiences/a", {"name": "A", "unknown_contacts": None}).json()
    assert (changed["description"], changed["unknown_contacts"], changed["version"]) == ("first", "reject", 2)
