"""Events reach the endpoints that listen to them, and what happens often is told once."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.db import transaction

from syncapp.accounts import scope
from syncapp.accounts.models import Account
from syncapp.notices import endpoints, events
from syncapp.notices.models import Delivery, Endpoint

KIND = events.register_event("test.happened", "Something happened in a test", {"count": 1})


@pytest.fixture
def endpoint(in_ann: Account) -> Endpoint:
    made, _ = endpoints.make_endpoint(
        account=in_ann,
        name="Shop",
        url="https://shop.example/hook",
        events=["test.happened"],
        hears_alerts=False,
    )
    return made


def publish(account: Account, **more: Any) -> None:
    events.publish(account_id=account.pk, type="test.happened", **{"data": {"count": 1}, **more})


def told() -> list[dict[str, Any]]:
    return [json.loads(one.body) for one in Delivery.objects.order_by("pk")]


def test_an_event_waits_for_each_endpoint_that_listens(in_ann: Account, endpoint: Endpoint) -> None:
    endpoints.make_endpoint(account=in_ann, name="Alerts only", url="https://other.example/hook")
    publish(in_ann)
    (message,) = told()
    assert (message["type"], message["data"]) == ("test.happened", {"client": "ann", "count": 1})
    assert Delivery.objects.get().endpoint_id == endpoint.pk


def test_nobody_listens_and_one_look_up_is_all(in_ann: Account, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(1):
        publish(in_ann)
    assert told() == []


def test_another_accounts_endpoint_hears_nothing(
    in_ann: Account, endpoint: Endpoint, bob_account: Account
) -> None:
    with scope.account(bob_account):
        publish(bob_account)
    assert told() == []


def test_a_switched_off_endpoint_hears_nothing(in_ann: Account, endpoint: Endpoint) -> None:
    endpoints.switch(endpoint, on=False)
    publish(in_ann)
    assert told() == []


def test_what_happens_often_is_told_once(in_ann: Account, endpoint: Endpoint) -> None:
    for version in range(1, 4):
        publish(in_ann, data={"count": 2, "version": version}, merge_key="aud_1", merge_s=10, sums=("count",))
    publish(in_ann, data={"count": 5, "version": 9}, merge_key="aud_2", merge_s=10, sums=("count",))
    assert [one["data"] for one in told()] == [
        {"client": "ann", "count": 6, "version": 3},
        {"client": "ann", "count": 5, "version": 9},
    ]


def test_nothing_is_added_to_a_message_that_was_sent_already(in_ann: Account, endpoint: Endpoint) -> None:
    """A receiver leaves out a webhook-id it has seen: what was added to that message would be lost."""
    publish(in_ann, merge_key="aud_1", sums=("count",))
    Delivery.objects.update(attempts=1)
    publish(in_ann, merge_key="aud_1", sums=("count",))
    endpoints.redeliver(Delivery.objects.earliest("pk"))
    publish(in_ann, merge_key="aud_1", sums=("count",))
    assert [one["data"]["count"] for one in told()] == [1, 2]


@pytest.mark.django_db(transaction=True)
def test_a_rollback_tells_nothing(ann_account: Account) -> None:
    with scope.account(ann_account):
        endpoints.make_endpoint(
            account=ann_account, name="Shop", url="https://shop.example/hook", events=["test.happened"]
        )
        with transaction.atomic():
            publish(ann_account)
            transaction.set_rollback(True)
        assert told() == []


def test_an_unknown_event_is_a_mistake_of_ours(in_ann: Account) -> None:
    with pytest.raises(events.UnknownEvent):
        events.publish(account_id=in_ann.pk, type="no.such", data={})
