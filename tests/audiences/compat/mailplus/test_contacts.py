"""Mail+'s calls about contacts: data, permissions, finding."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from audiences import consents
from audiences.ingest import ConsentGiven
from audiences.models import Consent, Profile, Property
from audiences.suppressions import suppress
from syncapp.accounts import scope
from tests.audiences.compat.mailplus.test_audiences import failed


@pytest.fixture
def words(ann_account, objective_of):
    """Ann's properties and objectives; the bits of the latter."""
    with scope.account(ann_account):
        for key, kind in (
            ("first_name", "text"),
            ("age", "number"),
            ("member", "boolean"),
            ("birthdate", "date"),
            ("last_order", "datetime"),
            ("tags", "list"),
        ):
            Property.objects.create(account=ann_account, key=key, label=key, type=kind)
    return [objective_of(ann_account, key).pk for key in ("newsletter", "service")]


def person(account, external_id="c-1"):
    with scope.account(account):
        return Profile.objects.get(external_id=external_id)


def states(profile):
    return {key: answer["state"] for key, answer in profile.consents.items()}


def contact(external_id="c-1", **properties):
    return {"externalId": external_id, "properties": properties}


def post(mailplus, one, update=True, **more):
    return mailplus.post("/contact", {"update": update, "contact": one, **more})


def test_a_contact_is_stored_with_its_properties(mailplus, words, ann_account):
    answer = post(
        mailplus,
        contact(
            email=" Jan@Example.NL ",
            firstName="Jan",
            age="41",
            member="true",
            birthdate="31-12-1980",
            last_order="2026-01-31T12:00:00Z",
            tags="a, b",
        ),
        update=False,
    )
    assert (answer.status, answer.content) == (204, b"")
    shown = mailplus.get("/contact/c-1").body
    assert shown["properties"] == {
        "email": "jan@example.nl",
        "first_name": "Jan",
        "age": 41,
        "member": True,
        "birthdate": "1980-12-31",
        "last_order": "2026-01-31T12:00:00Z",
        "tags": ["a", "b"],
        "permissions": [{"bit": words[0], "enabled": False}, {"bit": words[1], "enabled": False}],
    }
    assert shown["channels"] == [{"name": "EMAIL", "value": True}]
    assert (shown["externalId"], shown["testGroup"], shown["temporary"]) == ("c-1", False, False)
    with scope.account(ann_account):
        suppress(ann_account, "jan@example.nl", "bounce", "test")
    assert mailplus.get("/contact/c-1").body["channels"] == [{"name": "EMAIL", "value": False}]


def test_update_and_purge(mailplus, words, ann_account):
    assert post(mailplus, contact(email="jan@example.nl", first_name="Jan", age=41)).status == 204
    failed(post(mailplus, contact(first_name="Piet"), update=False), 400, "CONTACT_ALREADY_EXISTS")
    assert post(mailplus, contact(first_name="Piet")).status == 204
    assert person(ann_account).properties == {"first_name": "Piet", "age": 41}
    assert post(mailplus, contact(age=""), purge=False).status == 204
    assert person(ann_account).properties == {"first_name": "Piet"}
    assert post(mailplus, contact(age=42), purge=True).status == 204
    found = person(ann_account)
    assert (found.email, found.properties) == ("jan@example.nl", {"age": 42})


def test_put_changes_who_is_there(mailplus, words, ann_account):
    failed(mailplus.put("/contact/c-1", {"contact": contact(age=1)}), 404, "CONTACT_NOT_FOUND")
    failed(mailplus.get("/contact/c-1"), 404, "CONTACT_NOT_FOUND")
    post(mailplus, contact(email="jan@example.nl"))
    assert mailplus.put("/contact/c-1", {"contact": {"properties": {"age": 3}}}).status == 204
    assert person(ann_account).properties == {"age": 3}
    failed(mailplus.put("/contact/c-1", {"contact": contact("c-2", age=4)}), 400, "INVALID_PARAMS")


@pytest.mark.parametrize(
    ("properties", "error_type"),
    [
        ({"email": "not an address"}, "INVALID_PROPERTY"),
        ({"email": 5}, "INVALID_PROPERTY"),
        ({"shoe_size": 5}, "INVALID_PROPERTY"),
        ({"age": "old"}, "INVALID_PROPERTY"),
        ({"birthdate": "31-02-1980"}, "INVALID_PROPERTY"),
        ({"permissions": [{"bit": 0, "enabled": True}]}, "INVALID_PROPERTY"),
        ({"permissions": [{"enabled": True}]}, "INVALID_PROPERTY"),
        ({"permissions": "all"}, "INVALID_PROPERTY"),
        ({"permissions": [{"bit": True, "enabled": 1}]}, "INVALID_PROPERTY"),
        ([], "INVALID_PARAMS"),
    ],
)
def test_what_cannot_be_stored(mailplus, words, ann_account, properties, error_type):
    one = {"externalId": "c-1", "properties": properties}
    failed(mailplus.post("/contact", {"update": True, "contact": one}), 400, error_type)
    with scope.account(ann_account):
        assert not Profile.objects.exists()


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"contact": {}},
        {"contact": []},
        {"contact": contact(""), "update": True},
        {"contact": contact("c" * 256)},
    ],
)
def test_what_is_no_contact(mailplus, body):
    failed(mailplus.post("/contact", body), 400, "INVALID_PARAMS")


def test_an_address_of_somebody_else(mailplus, profile_of, ann_account):
    profile_of(ann_account, "jan@example.nl", external_id="c-9")
    failed(post(mailplus, contact(email="jan@example.nl")), 400, "CONTACT_ALREADY_EXISTS")


def test_a_list_has_a_code_for_each(mailplus, words, profile_of, ann_account):
    profile_of(ann_account, "c9@example.com", external_id="c-9")
    given = [
        contact("c-1", email="c1@example.com", first_name="Jan"),
        contact("c-2", email="nonsense"),
        contact("c-9", email="c9@example.com"),
        contact("c-3", shoe_size=5),
        contact("c-4", permissions=[{"bit": words[0], "enabled": True}]),
        contact("c-5", email="c9@example.com"),
    ]
    answer = mailplus.post("/contact/list", {"update": False, "contacts": given})
    assert answer.status == 200
    assert [(one["externalId"], one["code"]) for one in answer.body] == [
        ("c-1", "OK"),
        ("c-2", "PROPERTY_INVALID"),
        ("c-9", "CONTACT_ALREADY_EXISTS"),
        ("c-3", "PROPERTY_INVALID"),
        ("c-4", "OK"),
        ("c-5", "CONTACT_ALREADY_EXISTS"),
    ]
    assert all(one["message"] for one in answer.body if one["code"] != "OK")
    assert states(person(ann_account, "c-4")) == {"newsletter": "granted"}
    again = mailplus.post("/contact/list", {"update": True, "contacts": [given[0], given[2]]})
    assert [one["code"] for one in again.body] == ["OK", "OK"]


def test_a_list_holds_100_who_have_ids(mailplus, ann_account):
    many = [contact(f"c-{n}") for n in range(101)]
    failed(mailplus.post("/contact/list", {"contacts": many}), 400, "INVALID_PARAMS")
    failed(
        mailplus.post("/contact/list", {"contacts": [contact(), {"properties": {}}]}), 400, "INVALID_PARAMS"
    )
    with scope.account(ann_account):
        assert not Profile.objects.exists()
    assert len(mailplus.post("/contact/list", {"contacts": many[:100]}).body) == 100


def test_contacts_called_list_and_search(mailplus, words, ann_account):
    for external_id in ("list", "search"):
        post(mailplus, contact(external_id, age=1))
        body = {"contact": {"properties": {"age": 2}}}
        assert mailplus.put(f"/contact/{external_id}", body).status == 204
    assert mailplus.get("/contact/list").body["properties"]["age"] == 2


def test_permissions_become_consents(mailplus, words, ann_account):
    news, service = words
    given = [{"bit": news, "enabled": True}, {"bit": str(service), "enabled": "false"}]
    before = timezone.now()
    assert post(mailplus, contact(permissions=given)).status == 204
    found = person(ann_account)
    assert states(found) == {"newsletter": "granted", "service": "denied"}
    with scope.account(ann_account):
        ledger = list(Consent.objects.filter(profile_id=found.pk))
    assert {(one.source, one.method) for one in ledger} == {("api:CRM", "api")}
    assert all(before <= one.occurred_at <= timezone.now() for one in ledger)
    shown = mailplus.get("/contact/c-1").body["properties"]["permissions"]
    assert shown == [{"bit": news, "enabled": True}, {"bit": service, "enabled": False}]
    assert post(mailplus, contact(permissions=given)).status == 204
    with scope.account(ann_account):
        assert Consent.objects.filter(profile_id=found.pk).count() == 2  # nothing new was said
    # What this system refused itself it may grant again.
    assert post(mailplus, contact(permissions=[{"bit": service, "enabled": True}])).status == 204
    assert states(person(ann_account))["service"] == "granted"


def deny(account, profile, objective="newsletter", source="connection:7", at=None):
    with scope.account(account):
        given = ConsentGiven(objective, "denied", at or timezone.now())
        consents.record(profile=profile, given=given, source=source)


def test_nobody_is_opted_in_again_who_opted_out_elsewhere(mailplus, words, ann_account, profile_of):
    news, service = words
    profile = profile_of(ann_account, "jan@example.nl", external_id="c-1")
    deny(ann_account, profile, at=datetime(2026, 1, 1, tzinfo=UTC))
    granting = contact(first_name="Jan", permissions=[{"bit": news, "enabled": True}])
    failed(post(mailplus, granting), 400, "CONTACT_OPTOUT")
    answer = mailplus.post("/contact/list", {"update": True, "contacts": [granting, contact("c-2")]})
    assert [one["code"] for one in answer.body] == ["CONTACT_OPTOUT", "OK"]
    found = person(ann_account)
    assert (states(found), found.properties) == ({"newsletter": "denied"}, {})
    # Another permission, and refusing once more, say nothing against it.
    both = [{"bit": service, "enabled": True}, {"bit": news, "enabled": False}]
    assert post(mailplus, contact(permissions=both)).status == 204
    assert states(person(ann_account)) == {"newsletter": "denied", "service": "granted"}


def test_an_optout_holds_for_whoever_has_the_address(mailplus, words, ann_account, profile_of):
    profile = profile_of(ann_account, "jan@example.nl")
    deny(ann_account, profile)
    granting = contact("new", email="JAN@example.nl", permissions=[{"bit": words[0], "enabled": True}])
    failed(post(mailplus, granting, update=False), 400, "CONTACT_OPTOUT")
    with scope.account(ann_account):
        assert Profile.objects.get().external_id is None


def test_permissions_need_a_scope_of_their_own(mailplus_of, words, ann_account):
    caller = mailplus_of(ann_account, "Reader", ["contacts:write"])
    assert post(caller, contact(age=1)).status == 204
    failed(post(caller, contact(permissions=[{"bit": words[0], "enabled": True}])), 403, "NOT_AUTHORIZED")


def test_properties_are_described(mailplus, words):
    listed = {one["name"]: one for one in mailplus.get("/contact/properties/list").body}
    assert {name: one["type"] for name, one in listed.items()} == {
        "email": "email",
        "first_name": "string",
        "age": "int",
        "member": "string",
        "birthdate": "birthdate",
        "last_order": "dateTime",
        "tags": "string",
        "permissions": "set",
    }
    assert listed["permissions"]["entries"] == [
        {"bit": words[0], "description": "Newsletter", "rank": 1},
        {"bit": words[1], "description": "Service", "rank": 2},
    ]


def test_found_by_address(mailplus, ann_account, bob_account, mailplus_of, profile_of):
    profile_of(ann_account, "jan@example.nl", external_id="c-1")
    path = "/contact/search?MPSearchQuery=email%3DJan%40Example.nl&pageSize=10"
    answer = mailplus.get(path)
    assert [one["externalId"] for one in answer.body["contacts"]] == ["c-1"]
    assert answer.body["paging"] == {"next": None, "after": None}
    assert mailplus_of(bob_account).get(path).body["contacts"] == []
    by_id = "/contact/search?MPSearchQuery=externalId%3Dc-1&pageSize=10"
    assert [one["externalId"] for one in mailplus.get(by_id).body["contacts"]] == ["c-1"]
    for wrong in ("MPSearchQuery=email%3Djan%40example.nl", "MPSearchQuery=age%3D3&pageSize=1", "pageSize=1"):
        failed(mailplus.get(f"/contact/search?{wrong}"), 400, "INVALID_PARAMS")
    wrong = "/contact/search?MPSearchQuery=email%3Djan%40example.nl&pageSize=0"
    failed(mailplus.get(wrong), 400, "INVALID_PARAMS")


def test_who_changed_page_by_page(mailplus, words, ann_account):
    for n in range(5):
        post(mailplus, contact(f"c-{n}", age=n))
    with scope.account(ann_account):
        Profile.objects.filter(external_id="c-2").update(updated_at=timezone.now() - timedelta(days=3))
    day = timedelta(days=1)
    since, until = ((timezone.now() + offset).strftime("%Y-%m-%dT%H:%M:%SZ") for offset in (-day, day))
    found, after = [], ""
    while after is not None:
        path = f"/contact/updates/list?fromDate={since}&toDate={until}&pageSize=2"
        page = mailplus.get(f"{path}&after={after}" if after else path).body
        found += [one["externalId"] for one in page["contacts"]]
        after = page["paging"]["after"]
        assert (page["paging"]["next"] is None) == (after is None)
    assert found == ["c-0", "c-1", "c-3", "c-4"]
    # A permission that changes makes a contact one that changed: the daily run compares the bits.
    moment = timezone.now().strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    deny(ann_account, person(ann_account, "c-1"))
    path = f"/contact/updates/list?fromDate={moment}&toDate={until}&pageSize=9"
    (changed,) = mailplus.get(path).body["contacts"]
    assert changed["externalId"] == "c-1"


@pytest.mark.parametrize(
    "query",
    ["", "fromDate=2026-01-01&pageSize=1", "fromDate=x&toDate=2026-01-01&pageSize=1",
     "fromDate=2026-02-01&toDate=2026-01-01&pageSize=1", "fromDate=2026-01-01&toDate=2026-02-01",
     "fromDate=2026-01-01&toDate=2026-02-01&pageSize=1&after=x",
     "fromDate=0001-01-01&toDate=2026-02-01&pageSize=1"],
)  # fmt: skip
def test_dates_and_pages_that_are_none(mailplus, query):
    failed(mailplus.get(f"/contact/updates/list?{query}"), 400, "INVALID_PARAMS")
