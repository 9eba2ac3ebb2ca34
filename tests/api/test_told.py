"""What webhooks hear of calls about members and consents."""

from __future__ import annotations

import json

import pytest

from audiences.models import Profile
from syncapp.accounts import scope
from syncapp.notices import endpoints
from syncapp.notices.models import Delivery

AT = "2026-01-01T00:00:00Z"


@pytest.fixture
def told(ann_account):
    """Call it for the messages that wait, as (type, data without the client)."""
    types = ["membership.changed", "consent.changed", "audience.emptied", "contact.erased"]
    with scope.account(ann_account):
        endpoints.make_endpoint(
            account=ann_account, name="Shop", url="https://shop.example/", events=types, hears_alerts=False
        )

    def read():
        with scope.account(ann_account):
            bodies = [json.loads(row.body) for row in Delivery.objects.order_by("pk")]
        return [(body["type"], {k: v for k, v in body["data"].items() if k != "client"}) for body in bodies]

    return read


def add(email, state="granted", at=AT):
    return {
        "op": "add",
        "contact": {"email": email},
        "consents": [{"objective": "newsletter", "state": state, "occurred_at": at}],
    }


def test_answers_of_a_batch_are_told_by_purpose(api, vip, told, objective_of, ann_account):
    objective_of(ann_account)
    operations = [add("a@example.com"), add("b@example.com", "denied")]
    api.batch("vip-2024", {"operations": operations, "validate_only": True})
    assert told() == []
    api.batch("vip-2024", {"operations": operations})
    api.batch("vip-2024", {"operations": operations})
    api.batch("vip-2024", {"operations": [add("a@example.com", "denied", "2026-02-01T00:00:00Z")]})
    consents = [data for type_, data in told() if type_ == "consent.changed"]
    assert consents == [{"objective": "newsletter", "count": 3}]
    (membership,) = [data for type_, data in told() if type_ == "membership.changed"]
    assert (membership["added"], membership["removed"]) == (2, 0)
    assert not any("example.com" in json.dumps(data) for _, data in told())


def test_one_answer_is_told_where_it_counts(api, told, objective_of, profile_of, ann_account):
    objective_of(ann_account)
    profile_of(ann_account, "a@example.com", external_id="c-1")
    path = "/contacts/c-1/consents/newsletter"
    for at in ("2026-01-02T00:00:00Z", "2026-01-02T00:00:00Z", AT):
        answer = api.put(path, {"state": "denied", "occurred_at": at, "source": "form"})
        assert answer.status_code == 200, answer.content
    assert told() == [("consent.changed", {"objective": "newsletter", "count": 1})]


def test_emptying_is_told_as_itself_and_as_a_change_of_members(api, vip, told, ann_account):
    api.batch("vip-2024", {"add": ["c-1", "c-2"]})
    api.post("/audiences/vip-2024/empty", {"expected_member_count": 2})
    messages = dict(told())
    assert messages["audience.emptied"]["removed"] == 2
    assert (messages["membership.changed"]["added"], messages["membership.changed"]["removed"]) == (2, 2)
    with scope.account(ann_account):
        assert Profile.objects.count() == 2
