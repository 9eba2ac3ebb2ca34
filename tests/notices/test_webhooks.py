"""Outgoing webhooks, against a real receiver on loopback that checks them as the standard says."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import time
from datetime import timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from django.core.serializers import serialize
from django.utils import timezone

from syncapp.accounts import scope
from syncapp.notices import deliveries, endpoints, payloads, resolve_alert, signing
from syncapp.notices.models import Alert, Delivery, Endpoint
from tests.notices.conftest import pass_time

SCHEDULE_S = [5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400]


@pytest.fixture
def endpoint(ann_account, receiver):
    with scope.account(ann_account):
        made, secret = endpoints.make_endpoint(account=ann_account, name="Service desk", url=receiver.url)
    made.shown = secret
    return made


def rows(account):
    with scope.account(account):
        return list(Delivery.objects.order_by("pk"))


def is_signed(headers, body, secret):
    """What a receiver does, written from the standard's text: any of the signatures may be the one."""
    assert secret.startswith("whsec_")
    key = base64.b64decode(secret[len("whsec_") :])
    assert 24 <= len(key) <= 64
    assert abs(time.time() - int(headers["webhook-timestamp"])) < 60
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    wanted = "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    return any(hmac.compare_digest(wanted, one) for one in headers["webhook-signature"].split(" "))


def test_the_signature_is_the_one_of_the_standards_example():
    """Example of the specification, standard-webhooks/spec, "Signature scheme" and its reference libraries."""
    secret, message_id = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek"
    body = b'{"test": 2432232314}'
    signature = signing.signature(secret, message_id, 1614265330, body)
    assert signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_an_alert_and_its_end_are_posted_signed(ann_account, endpoint, raise_failed, work, receiver):
    alert_id = raise_failed(ann_account)
    work()
    resolve_alert(account_id=ann_account.pk, kind="run_failed", subject="goal:7")
    work()
    (raised, raised_body), (_, resolved_body) = receiver.got
    assert is_signed(raised, raised_body, endpoint.shown)
    assert not is_signed(raised, raised_body + b" ", endpoint.shown)
    assert raised["content-type"].startswith("application/json")
    sent = json.loads(raised_body)
    assert (sent["type"], json.loads(resolved_body)["type"]) == ("alert.raised", "alert.resolved")
    assert sent["data"]["id"] == alert_id
    assert sent["data"]["client"] == "ann"
    assert sent["data"]["subject"] == "goal:7"
    assert "ann@agency.example" not in raised_body.decode()
    assert [row.state for row in rows(ann_account)] == ["delivered"] * 2


def test_even_the_longest_alert_is_a_thin_event(ann_account, known_kinds):
    with scope.account(ann_account):
        alert = Alert(
            account=ann_account, kind="k" * 40, subject="s" * 120, subject_label="😀" * 200, source="s" * 120,
            severity="error", title="😀" * 200, words="😀" * 1000, url="/" + "ü" * 299, first_at=timezone.now(),
            last_at=timezone.now(), times=1, pk=1,
        )  # fmt: skip
        assert len(payloads.of_alert(alert, payloads.RAISED).encode()) < 20_000


def test_the_receiver_of_the_readme_works(ann_account, endpoint, raise_failed, work, receiver, settings):
    (code,) = re.findall(
        r"```python\n(import base64.*?)```", (settings.BASE_DIR / "README.md").read_text(), re.S
    )
    readme: dict[str, Any] = {}
    exec(code, readme)  # noqa: S102  our own README
    with scope.account(ann_account):
        new = endpoints.rotate_secret(endpoint)
    raise_failed(ann_account)
    work()
    headers, body = receiver.got[0]
    for secret in (new, endpoint.shown):
        assert readme["is_ours"](headers, body, secret)
    assert not readme["is_ours"](headers, body.replace(b"error", b"fine!"), new)
    assert not readme["is_ours"](headers, body, signing.new_secret())
    old = {**headers, "webhook-timestamp": str(int(headers["webhook-timestamp"]) - 600)}
    assert not readme["is_ours"](old, body, new)


def test_only_the_kinds_that_were_asked_for(ann_account, bob_account, endpoint, raise_failed, work, receiver):
    with scope.account(ann_account):
        Endpoint.objects.update(kinds=["run_held"])
    raise_failed(ann_account)
    raise_failed(bob_account, kind="run_held")
    work()
    assert receiver.got == []
    raise_failed(ann_account, kind="run_held")
    work()
    assert len(receiver.got) == 1


@pytest.mark.parametrize(("every_time", "messages"), [(False, 1), (True, 2)])
def test_repetitions_only_where_asked_for(
    ann_account, endpoint, raise_failed, work, receiver, every_time, messages
):
    with scope.account(ann_account):
        Endpoint.objects.update(every_time=every_time)
    for _ in range(2):
        raise_failed(ann_account)
        work()
        with scope.account(ann_account):
            Alert.objects.update(told_at=timezone.now() - timedelta(hours=1))
    assert len(receiver.got) == messages


@pytest.mark.parametrize("status", [301, 302, 307, 400, 404, 429, 500, 503])
def test_a_refused_message_is_tried_again_by_the_schedule(
    ann_account, endpoint, raise_failed, work, receiver, status
):
    receiver.status, receiver.headers = status, {"Location": receiver.url} if status < 400 else {}
    raise_failed(ann_account)
    work()
    waits = []
    for _ in SCHEDULE_S:
        (row,) = (one for one in rows(ann_account) if one.type == "alert.raised")
        assert (row.state, row.last_status) == ("waiting", status)
        waits.append(round((row.next_attempt_at - timezone.now()).total_seconds()))
        pass_time(ann_account, timedelta(seconds=waits[-1] + 1))
        work()
    assert all(abs(wait - asked) <= 2 + asked / 10 for wait, asked in zip(waits, SCHEDULE_S, strict=True)), (
        waits
    )
    assert waits[1:] != SCHEDULE_S[1:]  # what failed together does not come back together
    (row,) = (one for one in rows(ann_account) if one.type == "alert.raised")
    assert (row.state, row.attempts, len(receiver.got)) == ("failed", 10, 10)
    assert len({headers["webhook-id"] for headers, _ in receiver.got}) == 1
    with scope.account(ann_account):
        endpoint.refresh_from_db()
        assert (endpoint.enabled, endpoint.disabled_reason) == (False, "It took no message for three days.")
        assert Alert.objects.get(kind="webhook_stopped").subject == f"webhook:{endpoint.pk}"


def test_an_endpoint_that_takes_others_is_not_stopped(ann_account, endpoint, raise_failed, work, receiver):
    receiver.status = 500
    raise_failed(ann_account)
    work()
    with scope.account(ann_account):
        Delivery.objects.update(attempts=9)
        Endpoint.objects.update(last_success_at=timezone.now())
    pass_time(ann_account, timedelta(seconds=6))
    work()
    with scope.account(ann_account):
        endpoint.refresh_from_db()
    assert endpoint.enabled
    assert rows(ann_account)[0].state == "failed"


def test_410_stops_it_at_once_and_says_so(
    ann, ann_account, endpoint, raise_failed, work, receiver, mailoutbox
):
    receiver.status = 410
    raise_failed(ann_account)
    work()
    raise_failed(ann_account, subject="goal:8")
    work()
    assert len(receiver.got) == 1
    with scope.account(ann_account):
        endpoint.refresh_from_db()
        assert not endpoint.enabled
        assert Alert.objects.filter(kind="webhook_stopped", resolved_at=None).count() == 1
    assert "The webhook “Service desk” was switched off" in "".join(mail.subject for mail in mailoutbox)
    receiver.status = 200
    with scope.account(ann_account):
        endpoints.switch(endpoint, on=True)
        assert not Alert.objects.filter(kind="webhook_stopped", resolved_at=None).exists()
        endpoints.redeliver(rows(ann_account)[0])
    work()
    assert receiver.got[0][0]["webhook-id"] == receiver.got[1][0]["webhook-id"]


@pytest.mark.parametrize("how", ["seconds", "date"])
@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_is_a_floor(ann_account, endpoint, raise_failed, work, receiver, how, status):
    in_an_hour = timezone.now() + timedelta(hours=1)
    written = "3600" if how == "seconds" else format_datetime(in_an_hour, usegmt=True)
    receiver.status, receiver.headers = status, {"Retry-After": written}
    raise_failed(ann_account)
    work()
    wait_s = (rows(ann_account)[0].next_attempt_at - timezone.now()).total_seconds()
    assert 3590 < wait_s <= 3601


@pytest.mark.parametrize(
    "written", ["", "soon", "-5", "9" * 40, "Mon, 99 Foo 2026", "Sat, 01 Jan 2000 00:00:00 GMT"]
)
def test_a_strange_retry_after_harms_nothing(ann_account, endpoint, raise_failed, work, receiver, written):
    receiver.status, receiver.headers = 503, {"Retry-After": written}
    raise_failed(ann_account)
    work()
    wait = rows(ann_account)[0].next_attempt_at - timezone.now()
    assert timedelta(0) < wait <= timedelta(hours=24)


def test_an_endpoint_that_does_not_answer_rests(ann_account, endpoint, raise_failed, work, receiver):
    with scope.account(ann_account):
        Endpoint.objects.update(url="http://127.0.0.1:9/")
    for number in range(3):
        raise_failed(ann_account, subject=f"goal:{number}")
    work()
    assert sorted(row.attempts for row in rows(ann_account)) == [0, 0, 1]


def test_during_a_rotation_both_secrets_sign(ann_account, endpoint, raise_failed, work, receiver):
    with scope.account(ann_account):
        new = endpoints.rotate_secret(endpoint)
        endpoints.send_test(endpoint)
    work()
    headers, body = receiver.got[0]
    assert is_signed(headers, body, endpoint.shown)
    assert is_signed(headers, body, new)
    with scope.account(ann_account):
        Endpoint.objects.update(previous_until=timezone.now())
        endpoints.send_test(endpoint)
    work()
    headers, body = receiver.got[1]
    assert not is_signed(headers, body, endpoint.shown)
    assert is_signed(headers, body, new)


def test_a_worker_that_dies_after_sending_sends_again_under_the_same_id(
    ann_account, endpoint, raise_failed, work, receiver, monkeypatch
):
    raise_failed(ann_account)
    record = deliveries.record_success
    monkeypatch.setattr(deliveries, "record_success", lambda *_: (_ for _ in ()).throw(SystemError("killed")))
    work()
    (row,) = rows(ann_account)
    assert (row.state, row.attempts) == ("waiting", 1)
    monkeypatch.setattr(deliveries, "record_success", record)
    pass_time(ann_account, timedelta(seconds=6))
    from syncapp.work import Slice

    with scope.account(ann_account):
        deliveries.deliver_due(ann_account.pk, endpoint.pk, Slice())
    (row,) = rows(ann_account)
    assert (row.state, row.attempts) == ("delivered", 2)
    assert receiver.got[0][0]["webhook-id"] == receiver.got[1][0]["webhook-id"]
    assert receiver.got[0][1] == receiver.got[1][1]


def test_nothing_inside_is_reached_without_the_setting(
    ann_account, endpoint, raise_failed, work, receiver, settings
):
    """The row was written when loopback was open, or past the form: the connection decides."""
    settings.EGRESS_LOOPBACK = False
    raise_failed(ann_account)
    with scope.account(ann_account):
        Endpoint.objects.update(url=receiver.url.replace("http://127.0.0.1", "https://localtest.me"))
    work()
    assert receiver.got == []
    assert "not allowed" in rows(ann_account)[0].last_error


def test_secrets_are_sealed_and_bound_to_their_row(ann_account, bob_account, endpoint):
    from django.db import connection

    from syncapp.secrets import CannotOpen

    with scope.account(ann_account), connection.cursor() as cursor:
        cursor.execute("SELECT secrets FROM notices_endpoint")
        sealed = cursor.fetchone()[0]
        assert endpoint.shown not in sealed
        assert endpoint.shown not in serialize("json", Endpoint.objects.all())
        other, _ = endpoints.make_endpoint(account=ann_account, name="Other", url="https://example.com/")
        cursor.execute("UPDATE notices_endpoint SET secrets = %s WHERE id = %s", [sealed, other.pk])
        with pytest.raises(CannotOpen):
            endpoints.valid_secrets(Endpoint.objects.get(pk=other.pk))
        cursor.execute("SELECT string_agg(row::text, ' ') FROM notices_endpointevent row")
        trail = cursor.fetchone()[0]
        assert "Service desk" in trail
        assert "secret-in-the-address" not in trail
