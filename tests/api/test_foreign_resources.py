"""Another account's audiences and webhooks are as ones that never were: the same answer, but for the call's own id."""

from __future__ import annotations

import uuid

import pytest

from audiences.models import Audience, Pending
from syncapp.accounts import scope
from syncapp.notices import endpoints
from syncapp.notices.models import Delivery, Endpoint

OF_THE_CALL = {"X-Request-Id", "RateLimit", "RateLimit-Policy"}
OF_THE_PATH = {"Content-Length"}  # the body repeats the path

AUDIENCE_CALLS = [
    ("GET", "", None),
    ("HEAD", "", None),
    ("PATCH", "", {"name": "N"}),
    ("DELETE", "", None),
    ("DELETE", "?dry_run=true", None),
    ("GET", "/usages", None),
    ("POST", "/restore", None),
    ("POST", "/empty", {"expected_member_count": 1}),
    ("POST", "/empty", {"expected_member_count": 0}),
]
WEBHOOK_CALLS = [
    ("GET", "", None),
    ("PATCH", "", {"enabled": False}),
    ("DELETE", "", None),
    ("POST", "/rotate-secret", None),
    ("POST", "/test", None),
    ("GET", "/deliveries", None),
    ("GET", "/deliveries/{message}", None),
    ("POST", "/deliveries/{message}/redeliver", None),
]


def seen(answer, *, of_one_path=True):
    """What a caller can tell answers apart by."""
    hidden = OF_THE_CALL if of_one_path else OF_THE_CALL | OF_THE_PATH
    without = ("request_id",) if of_one_path else ("request_id", "instance")
    headers = {name: value for name, value in answer.headers.items() if name not in hidden}
    body = answer.json() if answer.content else {}
    return answer.status_code, headers, {name: value for name, value in body.items() if name not in without}


@pytest.fixture
def bobs(api_of, bob_account):
    """Bob's audience with one member, and one that he deleted."""
    at_bobs = api_of(bob_account, "Bob’s shop")

    def make():
        for external_id in ("bobs", "gone"):
            at_bobs.put(f"/audiences/{external_id}", {"name": external_id, "unknown_contacts": "create"})
            at_bobs.batch(external_id, {"add": ["c-1"]})
        at_bobs.delete("/audiences/gone")

    return make


@pytest.mark.parametrize("external_id", ["bobs", "gone"])
@pytest.mark.parametrize(("method", "rest", "body"), AUDIENCE_CALLS)
def test_another_accounts_audience_is_as_none(api, bobs, bob_account, external_id, method, rest, body):
    path = f"/audiences/{external_id}{rest}"
    unknown = seen(api.send(method, path, body))
    bobs()
    assert seen(api.send(method, path, body)) == unknown
    assert unknown[0] == 404
    with scope.account(bob_account):
        living, deleted = Audience.objects.order_by("pk")
        assert (living.member_count, living.deleted_at, living.version) == (1, None, 2)
        assert deleted.deleted_at is not None
        assert not Pending.objects.exists()


def test_another_accounts_names_ids_and_limits_are_free(api, bobs):
    bobs()
    assert api.get("/audiences").json()["items"] == []
    assert api.get("/audiences?state=deleted").json()["items"] == []
    assert api.put("/audiences/bobs", {"name": "bobs"}).status_code == 201
    assert api.post("/audiences", {"external_id": "gone", "name": "gone"}).json()["version"] == 1


@pytest.mark.parametrize(("method", "rest", "body"), WEBHOOK_CALLS)
def test_another_accounts_webhook_is_as_none(api, bob_account, method, rest, body):
    with scope.account(bob_account):
        endpoint, _ = endpoints.make_endpoint(account=bob_account, name="Bob’s", url="https://bob.example/x")
        message = endpoints.send_test(endpoint)
    own = api.post("/webhooks", {"url": "https://ann.example/x", "alerts": True}).json()["id"]
    found = seen(
        api.send(method, f"/webhooks/{endpoint.pk}{rest.format(message=message.pk)}", body), of_one_path=False
    )
    for unknown in (uuid.uuid4(), "x", "%20"):
        answer = api.send(method, f"/webhooks/{unknown}{rest.format(message=message.pk)}", body)
        assert seen(answer, of_one_path=False) == found
    assert found[0] == 404
    if "{message}" in rest:
        answer = api.send(method, f"/webhooks/{own}{rest.format(message=message.pk)}", body)
        assert (answer.status_code, answer.json()["code"]) == (404, "delivery_not_found")
    with scope.account(bob_account):
        after = Endpoint.objects.get()
        assert (after.enabled, after.previous_until, Delivery.objects.get().attempts) == (True, None, 0)
