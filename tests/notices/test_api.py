"""Webhooks made and used through the API, against a real receiver on loopback that has its faults."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from syncapp.accounts import scope
from syncapp.api import limits
from syncapp.api.calls import unseal
from syncapp.api.models import ApiCall, Reply
from syncapp.notices import signing
from syncapp.notices.models import Alert, Delivery, Endpoint
from tests.api.conftest import api, api_of, vip  # noqa: F401  fixtures
from tests.notices.conftest import pass_time
from tests.notices.faulty import CUTS, cutting
from tests.notices.test_webhooks import is_signed

PATCH_TYPE = "application/merge-patch+json"


@pytest.fixture
def hook(api, receiver):  # noqa: F811
    """A webhook that hears of everything audiences do."""
    events = [f"audience.{verb}" for verb in ("created", "updated", "deleted", "restored", "emptied")]
    answer = api.post("/webhooks", {"url": receiver.url, "events": [*events, "membership.changed"]})
    assert answer.status_code == 201, answer.content
    return answer.json()


@pytest.fixture
def work(work):
    """Tests run within a transaction: what waits for its commit is done first, as django.test does it."""

    def commit_and_work():
        callbacks, connection.run_on_commit = connection.run_on_commit, []
        for _, callback, _ in callbacks:
            callback()
        work()

    return commit_and_work


def told(receiver):
    return [json.loads(body) for _, body in receiver.got]


# Made, read, changed, deleted


def test_the_secret_is_shown_once_and_kept_nowhere_in_clear(api, receiver, ann_account):  # noqa: F811
    body = {"url": receiver.url, "events": ["audience.deleted"], "name": "Shop"}
    made = api.post("/webhooks", body, idempotency_key="once")
    assert made.headers["Cache-Control"] == "no-store"
    secret = made.json()["secret"]
    assert secret.startswith("whsec_")
    assert made.headers["Location"] == f"/api/v1/webhooks/{made.json()['id']}"
    again = api.post("/webhooks", body, idempotency_key="once")
    assert (again.json(), again.headers["Idempotency-Replayed"]) == (made.json(), "true")
    shown = api.get(made.headers["Location"]).json()
    assert "secret" not in shown
    assert shown == {name: value for name, value in made.json().items() if name != "secret"}
    assert "secret" not in api.get("/webhooks").json()["items"][0]
    with scope.account(ann_account):
        assert secret.encode() not in bytes(Reply.objects.get().body)
        answers = [unseal(call).answer or b"" for call in ApiCall.objects.all()]
        assert not any(secret.encode() in answer for answer in answers)
        assert Endpoint.objects.count() == 1


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"events": ["audience.deleted"]}, "/url"),
        ({"url": "https://shop.example/x"}, "/events"),
        ({"url": "https://shop.example/x", "events": []}, "/events"),
        ({"url": "https://shop.example/x", "events": ["audience.deleted", "no.such"]}, "/events/1"),
        ({"url": "https://shop.example/x", "events": ["audience.deleted"], "name": ""}, "/name"),
        ({"url": "https://shop.example/x", "events": ["audience.deleted"], "secret": "x"}, "/secret"),
        ({"url": "https://shop.example/x", "events": None}, "/events"),
        ({"url": "https://shop.example/\u0000", "events": ["audience.deleted"]}, "/url"),
        ({"url": "not an address", "events": ["audience.deleted"]}, "/url"),
        ({"url": "http://shop.example/x", "events": ["audience.deleted"]}, "/url"),
        ({"url": "https://127.0.0.1/x", "events": ["audience.deleted"]}, "/url"),
        ({"url": "https://localhost/x", "events": ["audience.deleted"]}, "/url"),
        ({"url": "https://169.254.169.254/latest", "events": ["audience.deleted"]}, "/url"),
        ({"url": "https://[::1]/x", "events": ["audience.deleted"]}, "/url"),
        ({"url": "https://shop.example:22/x", "events": ["audience.deleted"]}, "/url"),
        ({"url": "https://user:word@shop.example/x", "events": ["audience.deleted"]}, "/url"),
        ({"url": "file:///etc/passwd", "events": ["audience.deleted"]}, "/url"),
        ({"url": "https://" + "x" * 500, "events": ["audience.deleted"]}, "/url"),
        ([], ""),
    ],
)
def test_what_cannot_be_is_pointed_to(api, body, pointer):  # noqa: F811
    answer = api.post("/webhooks", body)
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, pointer), answer.content
    assert api.get("/webhooks").json()["items"] == []


def test_names_are_unique_and_found_where_none_is_given(api, monkeypatch):  # noqa: F811
    body = {"url": "https://shop.example/hook?key=1", "events": ["audience.deleted"]}
    assert [api.post("/webhooks", body).json()["name"] for _ in range(3)] == [
        "shop.example",
        "shop.example 2",
        "shop.example 3",
    ]
    taken = api.post("/webhooks", {**body, "name": "shop.example"})
    assert (taken.status_code, taken.json()["code"]) == (409, "name_taken")
    pages = api.get("/webhooks?limit=2")
    assert len(pages.json()["items"]) == 2
    last = api.get(pages.headers["Link"].split(">")[0].removeprefix("<")).json()
    assert ([one["name"] for one in last["items"]], last["next_cursor"]) == (["shop.example 3"], None)
    monkeypatch.setattr(limits, "WEBHOOKS_PER_ACCOUNT", 3)
    full = api.post("/webhooks", body)
    assert (full.status_code, full.json()["code"], full.json()["limit"]) == (409, "webhook_limit_reached", 3)


def test_a_webhook_is_changed_and_deleted(api, hook, ann_account):  # noqa: F811
    path = f"/webhooks/{hook['id']}"
    changed = api.send(
        "PATCH", path, {"events": ["sync.failed"], "name": "New"}, content_type=PATCH_TYPE
    ).json()
    assert (changed["events"], changed["name"], changed["url"]) == (["sync.failed"], "New", hook["url"])
    assert api.send("PATCH", path, {"events": []}).status_code == 422
    assert api.send("PATCH", path, {"url": "https://10.0.0.1/"}).json()["errors"][0]["pointer"] == "/url"
    assert api.send("PATCH", path, {"events": [], "alerts": True}).json()["alerts"] is True
    off = api.send("PATCH", path, {"enabled": False}).json()
    assert (off["enabled"], off["disabled_reason"]) == (False, "Switched off by a call of the API.")
    for action in ("test", "deliveries/1/redeliver"):
        assert api.post(f"{path}/{action}", None).status_code in (404, 409)
    assert api.post(f"{path}/test", None).json()["code"] == "webhook_disabled"
    assert api.send("PATCH", path, {"enabled": True}).json()["disabled_reason"] == ""
    assert api.delete(path).status_code == 204
    assert (api.delete(path).status_code, api.get(path).json()["code"]) == (404, "webhook_not_found")


def test_managing_needs_its_own_scope(api_of, ann_account):  # noqa: F811
    weak = api_of(ann_account, "Weak", ["audiences:write"])
    for method, path in (
        ("GET", "/webhooks"),
        ("POST", "/webhooks"),
        ("GET", "/webhooks/x"),
        ("PATCH", "/webhooks/x"),
        ("DELETE", "/webhooks/x"),
        ("POST", "/webhooks/x/rotate-secret"),
        ("POST", "/webhooks/x/test"),
        ("GET", "/webhooks/x/deliveries"),
        ("GET", "/webhooks/x/deliveries/1"),
        ("POST", "/webhooks/x/deliveries/1/redeliver"),
    ):
        answer = weak.send(method, path)
        assert (answer.status_code, answer.json()["scope"]) == (403, "webhooks:manage"), path


# Told


def test_what_happens_to_an_audience_is_told_signed(api, hook, receiver, work):  # noqa: F811
    api.put("/audiences/a", {"name": "A"})
    api.put("/audiences/a", {"name": "A"})
    api.send("PATCH", "/audiences/a", {"state": "archived"})
    api.delete("/audiences/a")
    api.post("/audiences/a/restore", None)
    api.post("/audiences/a/empty", {"expected_member_count": 0})
    work()
    found = told(receiver)
    verbs = ["created", "updated", "deleted", "restored", "emptied"]
    assert [message["type"] for message in found] == [f"audience.{verb}" for verb in verbs]
    assert [message["data"]["version"] for message in found] == [1, 2, 3, 4, 4]
    assert found[0]["data"]["client"] == "ann"
    assert found[0]["data"]["audience"]["external_id"] == "a"
    assert all(is_signed(headers, body, hook["secret"]) for headers, body in receiver.got)


def test_a_refused_call_and_a_replayed_one_tell_nothing(api, hook, receiver, work):  # noqa: F811
    api.put("/audiences/a", {"name": "A"})
    api.put("/audiences/b", {"name": "a"})
    api.send("PATCH", "/audiences/a", {"name": "N"}, if_match='"9"')
    for _ in range(2):
        api.send("PATCH", "/audiences/a", {"name": "N"}, idempotency_key="once")
    work()
    assert [message["type"] for message in told(receiver)] == ["audience.created", "audience.updated"]


def test_members_are_told_together_and_a_check_tells_nothing(api, vip, hook, receiver, work, ann_account):  # noqa: F811
    api.batch("vip-2024", {"add": ["c-0"], "validate_only": True})
    api.batch("vip-2024", {"add": ["c-1", "c-2"]})
    api.batch("vip-2024", {"add": ["c-3"], "remove": ["c-1"]})
    api.batch("vip-2024", {"add": ["c-3"]})
    work()
    assert receiver.got == []
    pass_time(ann_account, timedelta(seconds=11))
    work()
    (message,) = told(receiver)
    assert message["type"] == "membership.changed"
    assert (message["data"]["added"], message["data"]["removed"]) == (3, 1)
    assert message["data"]["version"] == api.get("/audiences/vip-2024").json()["version"]


def test_another_accounts_webhook_hears_nothing(api_of, bob_account, hook, receiver, work):  # noqa: F811
    api_of(bob_account).put("/audiences/a", {"name": "A"})
    work()
    assert receiver.got == []


# Rotated, tried, sent again


def test_during_a_rotation_both_secrets_sign(api, hook, receiver, work, ann_account):  # noqa: F811
    path = f"/webhooks/{hook['id']}"
    rotated = api.post(f"{path}/rotate-secret", None)
    assert rotated.headers["Cache-Control"] == "no-store"
    new = rotated.json()["secret"]
    assert new != hook["secret"]
    assert rotated.json()["previous_secret_until"] is not None
    assert api.post(f"{path}/test", None).status_code == 202
    work()
    headers, body = receiver.got[0]
    assert len(headers["webhook-signature"].split(" ")) == 2
    assert is_signed(headers, body, new)
    assert is_signed(headers, body, hook["secret"])
    with scope.account(ann_account):
        Endpoint.objects.update(previous_until=timezone.now())
    api.post(f"{path}/test", None)
    work()
    headers, body = receiver.got[1]
    assert is_signed(headers, body, new)
    assert not is_signed(headers, body, hook["secret"])


def test_the_contracts_vector():
    """Contract §8: computed there."""
    secret, body = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3", b'{"type":"sync.completed"}'
    signed = signing.headers([secret], "msg_test_1", 1_700_000_000, body)
    assert signed["webhook-signature"] == "v1,0PLwDcEMJltxPezD75noPVy/XqQPya4swKgDMPj+gAs="
    assert (signed["webhook-id"], signed["webhook-timestamp"]) == ("msg_test_1", "1700000000")


def test_messages_are_listed_read_and_sent_again(api, hook, receiver, work):  # noqa: F811
    path = f"/webhooks/{hook['id']}"
    receiver.status = 500
    first = api.post(f"{path}/test", {}).json()
    assert (first["state"], first["type"], first["attempts"]) == ("waiting", "webhook.test", 0)
    work()
    failed = api.get(f"{path}/deliveries/{first['id']}").json()
    assert (failed["state"], failed["attempts"], failed["last_status"]) == ("waiting", 1, 500)
    assert json.loads(failed["body"])["type"] == "webhook.test"
    receiver.status = 204
    assert api.post(f"{path}/deliveries/{first['id']}/redeliver", None).json()["attempts"] == 0
    work()
    api.put("/audiences/a", {"name": "A"})
    page = api.get(f"{path}/deliveries?limit=1").json()
    assert [one["type"] for one in page["items"]] == ["audience.created"]
    rest = api.get(f"{path}/deliveries?limit=1&cursor={page['next_cursor']}").json()
    assert [(one["id"], one["state"], one["last_status"]) for one in rest["items"]] == [
        (first["id"], "delivered", 204)
    ]
    assert rest["next_cursor"] is None
    waiting = api.get(f"{path}/deliveries?state=waiting").json()["items"]
    assert [one["type"] for one in waiting] == ["audience.created"]
    assert {headers["webhook-id"] for headers, _ in receiver.got} == {first["message_id"]}
    for query in ("state=x", "cursor=x", "limit=0", "no=1"):
        assert api.get(f"{path}/deliveries?{query}").status_code == 422
    for wrong in ("x", "0", "9" * 30, "-1", "١"):
        assert api.get(f"{path}/deliveries/{wrong}").json()["code"] == "delivery_not_found"


def test_410_switches_it_off_and_people_are_told(api, hook, receiver, work, ann_account):  # noqa: F811
    receiver.status = 410
    api.put("/audiences/a", {"name": "A"})
    work()
    shown = api.get(f"/webhooks/{hook['id']}").json()
    assert (shown["enabled"], shown["disabled_reason"]) == (
        False,
        "The receiver answered 410: gone for good.",
    )
    with scope.account(ann_account):
        assert Alert.objects.get().kind == "webhook_stopped"
    api.send("PATCH", "/audiences/a", {"name": "B"})
    work()
    assert len(receiver.got) == 1
    assert api.send("PATCH", f"/webhooks/{hook['id']}", {"enabled": True}).json()["enabled"] is True
    with scope.account(ann_account):
        assert Alert.objects.get().resolved_at is not None


def test_what_was_not_taken_is_taken_later(api, hook, receiver, work, ann_account):  # noqa: F811
    for status in (503, 302, 404):
        receiver.status = status
        api.put(f"/audiences/{status}", {"name": str(status)})
        work()
    receiver.status = 200
    pass_time(ann_account, timedelta(seconds=6))
    work()
    with scope.account(ann_account):
        assert {row.state for row in Delivery.objects.all()} == {"delivered"}
    assert len({headers["webhook-id"] for headers, _ in receiver.got}) == 3
    assert len(receiver.got) == 6


@pytest.mark.parametrize("cut", CUTS)
def test_a_cut_answer_is_no_delivery_and_is_mended_under_the_same_id(
    api,  # noqa: F811
    hook,
    receiver,
    work,
    ann_account,
    cut,
):
    path = f"/webhooks/{hook['id']}"
    with cutting(CUTS[cut]) as url:
        assert api.send("PATCH", path, {"url": url}).status_code == 200
        message = api.post(f"{path}/test", None).json()
        work()
    failed = api.get(f"{path}/deliveries/{message['id']}").json()
    assert (failed["state"], failed["attempts"]) == ("waiting", 1)
    assert failed["last_error"] != ""
    api.send("PATCH", path, {"url": receiver.url})
    pass_time(ann_account, timedelta(seconds=40))
    work()
    assert api.get(f"{path}/deliveries/{message['id']}").json()["state"] == "delivered"
    assert [headers["webhook-id"] for headers, _ in receiver.got] == [message["message_id"]]
