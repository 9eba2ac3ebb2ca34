"""Campaign Monitor's own Python client works against the simulator, pointed at it and at plain HTTP."""

from __future__ import annotations

from http.client import HTTPConnection
from typing import Any

import createsend
import pytest
from createsend import createsend as transport

from .conftest import API_KEY, Place

AUTH = {"api_key": API_KEY}


@pytest.fixture
def official(place: Place, monkeypatch: pytest.MonkeyPatch) -> Place:
    monkeypatch.setattr(transport.CreateSend, "base_uri", place.running.base_url.rstrip("/"))
    monkeypatch.setattr(transport, "VerifiedHTTPSConnection", HTTPConnection)
    return place


def rows(*emails: str) -> list[dict[str, Any]]:
    fields = [{"Key": "website", "Value": "https://example.com"}]
    return [
        {"EmailAddress": email, "Name": "Someone", "CustomFields": fields, "ConsentToTrack": "Unchanged"}
        for email in emails
    ]


def test_lists_fields_import_and_details(official: Place) -> None:
    account = createsend.CreateSend(AUTH)
    assert account.systemdate()
    client_id = account.clients()[0].ClientID
    client = createsend.Client(AUTH, client_id)
    assert client.details().BasicDetails.CompanyName == "Ann’s Bicycles"

    list_id = createsend.List(AUTH).create(client_id, "Made by the client", "", False, "")
    assert list_id in [found.ListID for found in client.lists()]
    made = createsend.List(AUTH, list_id)
    assert made.create_custom_field("website", "Text") == "[website]"
    assert made.create_custom_field("colours", "MultiSelectMany", ["Red", "Blue"]) == "[colours]"
    assert made.update_custom_field("[colours]", "tints", True) == "[tints]"
    made.update_custom_field_options("[tints]", ["Green"], True)
    assert [field.Key for field in made.custom_fields()] == ["[website]", "[tints]"]

    person = createsend.Subscriber(AUTH)
    done = person.import_subscribers(list_id, rows("a+1@example.com", "b@example.com", "a+1@example"), False)
    assert (done.TotalNewSubscribers, done.FailureDetails[0].Code) == (2, 1)
    shown = person.get(list_id, "a+1@example.com", include_tracking_preference=True)
    assert (shown.Name, shown.State, shown.CustomFields[0].Value) == (
        "Someone",
        "Active",
        "https://example.com",
    )
    assert [row.EmailAddress for row in made.active().Results] == ["a+1@example.com", "b@example.com"]
    assert made.stats().TotalActiveSubscribers == 2


def test_one_subscribers_life(official: Place) -> None:
    list_id = official.list_id
    assert createsend.Subscriber(AUTH).add(list_id, "a@example.com", "A", [], False, "Yes") == "a@example.com"
    person = createsend.Subscriber(AUTH, list_id, "a@example.com")
    person.update("new@example.com", "B", [], False, "No")
    assert person.history() == []
    person.unsubscribe()
    assert person.get().State == "Unsubscribed"
    person.delete()
    listed = createsend.List(AUTH, list_id)
    assert [row.EmailAddress for row in listed.deleted().Results] == ["new@example.com"]
    client = createsend.Client(AUTH, official.client_id)
    assert client.suppressionlist().Results[0].EmailAddress == "new@example.com"
    client.unsuppress("new@example.com")
    hook = listed.create_webhook(["Subscribe"], "https://example.com/in", "json")
    listed.deactivate_webhook(hook)
    assert listed.webhooks()[0].Status == "Inactive"


def test_its_exceptions(official: Place) -> None:
    with pytest.raises(createsend.Unauthorized):
        createsend.CreateSend({"api_key": "wrong"}).clients()
    with pytest.raises(createsend.BadRequest, match="203"):
        createsend.Subscriber(AUTH, official.list_id, "nobody@example.com").delete()
    official.running.faults([{"kind": "status", "status": 500}])
    with pytest.raises(createsend.ServerError, match="500"):
        createsend.CreateSend(AUTH).clients()
