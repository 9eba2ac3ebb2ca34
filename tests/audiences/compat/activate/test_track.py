"""Events: whom they make and change, what they consent to, what is kept of them."""

from __future__ import annotations

import hashlib
import time
from datetime import UTC, datetime

import pytest

from audiences import erasing
from audiences.models import Consent, Event, Objective, Profile
from syncapp.accounts import scope

AT = "2026-06-01T10:00:00Z"


def sha256(address):
    return hashlib.sha256(address.encode()).hexdigest()


def people(account):
    with scope.account(account):
        return {profile.email or profile.external_id: profile for profile in Profile.objects.all()}


def events(account):
    with scope.account(account):
        return list(Event.objects.order_by("pk"))


def states(profile):
    return {key: answer["state"] for key, answer in profile.consents.items()}


@pytest.fixture
def objectives(ann_account, objective_of):
    for key in ("newsletter", "service", "offers"):
        objective_of(ann_account, key)


@pytest.mark.parametrize("path", ["/v1/track", "/api/v1/track"])
@pytest.mark.parametrize("is_bare", [True, False])
def test_both_forms_of_the_body(shop, ann_account, path, is_bare):
    event = {"event": "EmailOptIn", "email": " Jan@Example.NL ", "timestamp": AT}
    response = shop.post(path, event if is_bare else {"events": [event]})
    assert response.status_code == 200
    assert response.json() == {
        "success": True,
        "created": 1,
        "updated": 0,
        "events": 1,
        "duplicates": 0,
        "errors": [],
        "ignored": [],
    }
    (profile,) = people(ann_account).values()
    assert (profile.email, profile.source) == ("jan@example.nl", "api:Shop")
    (stored,) = events(ann_account)
    assert (stored.type, stored.stream, stored.profile_id) == ("EmailOptIn", "activate", profile.pk)
    assert (stored.occurred_at, stored.data) == (datetime(2026, 6, 1, 10, tzinfo=UTC), {})


def test_profile_fields_become_properties(shop, ann_account, properties):
    answer = shop.track(
        {
            "event": "CRMUpdate",
            "email": "jan@example.nl",
            "userid": 17,
            "firstname": "Jan",
            "lastname": "de Boer",
            "gender": "M",
            "birthdate": "31-12-1980",
            "phone": "+31612345678",
            "zip": "1234 AB",
            "language": "nl_NL",
            "custom_points": "12,5",
            "custom_colour": "red",
            "custom_shoeSize": 43,
        }
    )
    assert (answer["created"], answer["ignored"]) == (1, [])
    profile = people(ann_account)["jan@example.nl"]
    assert profile.external_id == "17"
    assert profile.properties == {
        "first_name": "Jan",
        "last_name": "de Boer",
        "gender": "M",
        "birthdate": "1980-12-31",
        "phone": "+31612345678",
        "postcode": "1234 AB",
        "language": "nl-NL",
        "points": 12.5,
        "custom_colour": "red",
        "shoe_size": 43,
    }
    answer = shop.track({"event": "CRMUpdate", "userId": "17", "firstname": "Piet", "lastname": ""})
    assert (answer["created"], answer["updated"]) == (0, 1)
    profile = people(ann_account)["jan@example.nl"]
    assert (profile.properties["first_name"], "last_name" in profile.properties) == ("Piet", False)


def test_what_cannot_be_stored_on_a_person_stays_with_the_event(shop, ann_account, properties, objectives):
    answer = shop.track(
        {
            "event": "Purchase",
            "email": "jan@example.nl",
            "orderid": "A-1",
            "totalvalue": 12.5,
            "products": [{"id": "sku-1", "price": 12.5, "quantity": 1}],
            "city": "Gouda",
            "birthdate": "yesterday",
            "custom_unknown": 1,
            "marketing": "yes",
            "service": "perhaps",
            "newsletter": "yes",
            "colour": "red",
            "timestamp": AT,
        }
    )
    ignored = {one["field"]: one["reason"] for one in answer["ignored"]}
    assert set(ignored) == {"city", "birthdate", "custom_unknown", "marketing", "service", "colour"}
    assert {one["index"] for one in answer["ignored"]} == {0}
    assert "marketing" in ignored["marketing"]
    (stored,) = events(ann_account)
    assert stored.data == {
        "orderid": "A-1",
        "totalvalue": 12.5,
        "products": [{"id": "sku-1", "price": 12.5, "quantity": 1}],
        "city": "Gouda",
        "birthdate": "yesterday",
        "custom_unknown": 1,
        "marketing": "yes",
        "service": "perhaps",
        "colour": "red",
    }
    profile = people(ann_account)["jan@example.nl"]
    assert (states(profile), profile.properties) == ({"newsletter": "granted"}, {})


def test_consents_are_dated_and_the_latest_counts(shop, ann_account, objectives):
    jan = {"event": "EmailOptIn", "email": "jan@example.nl"}
    shop.track({**jan, "newsletter": "yes", "timestamp": "2026-06-01 10:00:00"})
    profile = people(ann_account)["jan@example.nl"]
    assert profile.consents["newsletter"] == {"state": "granted", "at": "2026-06-01T08:00:00.000000Z"}
    shop.track({**jan, "newsletter": "no", "service": "enabled", "timestamp": 1_780_400_000})
    shop.track({**jan, "newsletter": "yes", "timestamp": "2026-05-01"})  # late news of before
    profile = people(ann_account)["jan@example.nl"]
    assert states(profile) == {"newsletter": "denied", "service": "granted"}
    with scope.account(ann_account):
        ledger = list(Consent.objects.filter(profile_id=profile.pk, objective_key="newsletter"))
    assert {one.source for one in ledger} == {"api:Shop"}
    assert sorted(one.state for one in ledger) == ["denied", "granted", "granted"]
    assert all(one.evidence == {"event": "EmailOptIn"} for one in ledger)


def test_a_grant_without_a_time_is_of_now(shop, ann_account, objectives):
    jan = {"event": "EmailOptIn", "email": "jan@example.nl"}
    for answer in ("yes", "no", "yes"):
        shop.track({**jan, "newsletter": answer})
    assert states(people(ann_account)["jan@example.nl"]) == {"newsletter": "granted"}


def test_the_account_says_which_objective_is_meant(shop, ann_account, objectives, settings_of):
    settings_of(ann_account, activate_objectives={"marketing": "offers", "service": "gone"})
    event = {"event": "EmailOptIn", "email": "jan@example.nl"}
    answer = shop.track({**event, "marketing": "yes", "service": "yes", "newsletter": "no"})
    assert states(people(ann_account)["jan@example.nl"]) == {"offers": "granted", "newsletter": "denied"}
    assert [one["field"] for one in answer["ignored"]] == ["service"]


def test_two_consents_for_one_objective_the_refusal_counts(shop, ann_account, objectives, settings_of):
    settings_of(ann_account, activate_objectives={"marketing": "newsletter"})
    shop.track({"event": "X", "email": "jan@example.nl", "newsletter": "no", "marketing": "yes"})
    assert states(people(ann_account)["jan@example.nl"]) == {"newsletter": "denied"}


def test_a_hashed_address_finds_people_and_makes_nobody(
    shop, ann_account, profile_of, properties, objectives
):
    profile = profile_of(ann_account, "jan@example.nl")
    hashed = {"event": "PageView", "email": sha256("jan@example.nl").upper(), "sqzly_cookie": "visitor-1"}
    answer = shop.track({**hashed, "firstname": "Jan", "newsletter": "yes", "timestamp": AT})
    assert (answer["created"], answer["updated"]) == (0, 1)
    found = people(ann_account)["jan@example.nl"]
    assert (found.properties, states(found)) == ({"first_name": "Jan"}, {"newsletter": "granted"})
    (stored,) = events(ann_account)
    assert (stored.profile_id, stored.data) == (profile.pk, {"sqzly_cookie": "visitor-1"})
    unknown = {**hashed, "email": sha256("eve@example.nl"), "timestamp": AT}
    answer = shop.track({**unknown, "newsletter": "yes"})
    assert (answer["created"], answer["events"]) == (0, 1)
    assert [one["field"] for one in answer["ignored"]] == ["email"]
    assert len(people(ann_account)) == 1
    stored = events(ann_account)[-1]
    assert (stored.profile_id, stored.data) == (None, {"sqzly_cookie": "visitor-1"})


def test_a_visitor_nobody_knows(shop, ann_account, properties, objectives):
    visit = {"event": "PageView", "sqzly_cookie": "visitor-1", "firstname": "Jan", "newsletter": "yes"}
    answer = shop.track(visit)
    assert (answer["created"], answer["events"]) == (0, 1)
    assert {one["field"] for one in answer["ignored"]} == {"firstname", "newsletter"}
    (stored,) = events(ann_account)
    assert stored.profile_id is None
    assert stored.data["sqzly_cookie"] == "visitor-1"


def test_the_same_event_twice_is_one(shop, ann_account, properties):
    first = {"event": "CRMUpdate", "email": "jan@example.nl", "firstname": "Jan", "timestamp": AT}
    later = {**first, "firstname": "Piet", "timestamp": "2026-06-02T10:00:00Z"}
    assert shop.track(first, first)["events"] == 1
    assert shop.track(later)["events"] == 1
    again = shop.track(first)
    assert (again["events"], again["duplicates"], again["updated"]) == (0, 1, 0)
    assert people(ann_account)["jan@example.nl"].properties == {"first_name": "Piet"}
    view = {"event": "PageView", "email": "jan@example.nl"}
    assert [shop.track(view)["events"] for _ in range(2)] in ([1, 0], [1, 1])  # the hour may end in between
    assert len(events(ann_account)) in (3, 4)


def test_many_events_of_many_people_in_one_call(shop, ann_account, properties, objectives):
    given = [
        {
            "event": "PageView" if n % 2 else "CRMUpdate",
            "email": f"p{n % 100}@example.com",
            "firstname": f"Name {n}",
            "newsletter": "yes" if n < 500 else "no",
            "timestamp": f"2026-06-01T10:{n // 60:02d}:{n % 60:02d}Z",
        }
        for n in range(1000)
    ]
    answer = shop.track(*reversed(given))
    assert (answer["created"], answer["events"]) == (100, 1000)
    found = people(ann_account)
    assert found["p7@example.com"].properties == {"first_name": "Name 907"}
    assert {states(profile)["newsletter"] for profile in found.values()} == {"denied"}
    assert all(event.profile_id is not None for event in events(ann_account))


def test_an_address_and_a_userid_of_two_people(shop, ann_account, profile_of):
    profile_of(ann_account, "jan@example.nl", external_id="1")
    profile_of(ann_account, "piet@example.nl", external_id="2")
    given = [
        {"event": "X", "userid": "1", "email": "piet@example.nl"},
        {"event": "X", "userid": "2", "email": "piet@example.nl"},
    ]
    response = shop.post("/v1/track", {"events": given})
    body = response.json()
    assert (response.status_code, body["success"], body["events"]) == (200, False, 1)
    assert [(one["index"], one["code"]) for one in body["errors"]] == [(0, "EMAIL_TAKEN")]
    assert len(events(ann_account)) == 1


@pytest.mark.parametrize(
    ("event", "code"),
    [
        ("text", "INVALID_EVENT"),
        ({}, "INVALID_EVENT"),
        ({"event": "", "email": "a@example.com"}, "INVALID_EVENT"),
        ({"event": "e" * 61, "email": "a@example.com"}, "INVALID_EVENT"),
        ({"event": "X"}, "NO_IDENTITY"),
        ({"event": "X", "sqzly_cookie": ""}, "NO_IDENTITY"),
        ({"event": "X", "email": "nonsense"}, "INVALID_EMAIL"),
        ({"event": "X", "email": 5}, "INVALID_EMAIL"),
        ({"event": "X", "userid": "u" * 256}, "INVALID_USERID"),
        ({"event": "X", "userid": ["u"]}, "INVALID_USERID"),
        ({"event": "X", "email": "a@example.com", "timestamp": "yesterday"}, "TIMESTAMP_ERROR"),
        ({"event": "X", "email": "a@example.com", "timestamp": "2026-02-31"}, "TIMESTAMP_ERROR"),
        ({"event": "X", "email": "a@example.com", "timestamp": True}, "TIMESTAMP_ERROR"),
        ({"event": "X", "email": "a@example.com", "timestamp": [1]}, "TIMESTAMP_ERROR"),
        ({"event": "X", "email": "a@example.com", "timestamp": -1}, "TIMESTAMP_ERROR"),
        ({"event": "X", "email": "a@example.com", "timestamp": 1e300}, "TIMESTAMP_ERROR"),
        ({"event": "X", "email": "a@example.com", "timestamp": time.time() + 3600}, "TIMESTAMP_ERROR"),
        ({"event": "X", "email": "a@example.com", "products": ["x" * 40_000]}, "EVENT_TOO_LARGE"),
    ],
)
def test_events_that_are_none(shop, ann_account, event, code):
    response = shop.post("/v1/track", {"events": [event]})
    body = response.json()
    assert (response.status_code, body["success"], body["errors"][0]["code"]) == (400, False, code)
    assert body["errors"][0]["index"] == 0
    good = {"event": "X", "email": "jan@example.nl"}
    body = shop.post("/v1/track", {"events": [good, event, good]}).json()
    assert (body["created"], [one["index"] for one in body["errors"]]) == (1, [1])
    assert list(people(ann_account)) == ["jan@example.nl"]


def test_an_event_nested_without_end(shop):
    deep = b'{"event": "X", "email": "a@example.com", "products": ' + b"[" * 200 + b"]" * 200 + b"}"
    response = shop.post("/v1/track", deep)
    assert (response.status_code, response.json()["errors"][0]["code"]) == (400, "INVALID_EVENT")


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (1_764_590_400, "2025-12-01T12:00:00+00:00"),
        ("1764590400", "2025-12-01T12:00:00+00:00"),
        ("2025-12-01 12:00:00", "2025-12-01T11:00:00+00:00"),
        ("2025-07-01", "2025-06-30T22:00:00+00:00"),
        ("2025-12-01T12:00:00+05:00", "2025-12-01T07:00:00+00:00"),
        ("2025-12-01T12:00:00.5Z", "2025-12-01T12:00:00.500000+00:00"),
    ],
)
def test_times(shop, ann_account, written, expected):
    shop.track({"event": "X", "email": "jan@example.nl", "timestamp": written})
    (stored,) = events(ann_account)
    assert stored.occurred_at.astimezone(UTC).isoformat() == expected


def test_the_erased_stay_erased(shop, ann_account, profile_of, erase):
    profile = profile_of(ann_account, "jan@example.nl", external_id="17")
    erase(profile)
    given = [
        {"event": "X", "email": "jan@example.nl"},
        {"event": "X", "userid": 17},
        {"event": "X", "email": sha256("jan@example.nl"), "sqzly_cookie": "visitor-1"},
    ]
    body = shop.post("/v1/track", {"events": given}).json()
    assert [(one["index"], one["code"]) for one in body["errors"]] == [
        (0, "ERASED"),
        (1, "ERASED"),
        (2, "ERASED"),
    ]
    assert events(ann_account) == []
    with scope.account(ann_account):
        assert not Profile.objects.exclude(email=None, external_id=None).exists()


def test_two_accounts_never_meet(shop, shop_of, ann_account, bob_account, profile_of, properties):
    profile_of(bob_account, "jan@example.nl", external_id="17")
    answer = shop.track({"event": "X", "userid": "17", "email": "jan@example.nl", "firstname": "Jan"})
    assert answer["created"] == 1
    (theirs,) = people(bob_account).values()
    assert theirs.properties == {}
    assert events(bob_account) == []
    hashed = {"event": "X", "email": sha256("jan@example.nl"), "sqzly_cookie": "v", "timestamp": AT}
    shop_of(bob_account).track(hashed)
    assert events(bob_account)[0].profile_id == theirs.pk
    assert len(events(ann_account)) == 1


@pytest.fixture
def erase(ann_account):
    def carry_out(profile):
        with scope.account(ann_account):
            erasing.leave(account_id=ann_account.pk, profile_id=profile.pk, source="test", erases=True)

    return carry_out


def test_an_objective_that_is_gone_is_told(shop, ann_account, objectives):
    with scope.account(ann_account):
        Objective.objects.filter(key="newsletter").delete()
    answer = shop.track({"event": "X", "email": "jan@example.nl", "newsletter": "yes"})
    assert answer["ignored"][0]["field"] == "newsletter"
