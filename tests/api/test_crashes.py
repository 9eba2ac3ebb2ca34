"""Idempotency-Key against a web server whose processes die in the middle of calls."""

from __future__ import annotations

import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from audiences.models import Audience
from syncapp.accounts import keys, scope
from syncapp.accounts.models import ApiKey
from syncapp.api.models import Reply
from tests.api.server import running_web

KEYS, REPEATS, CALLERS, DEATHS = 200, 10, 16, 12
PATH = "/api/v1/audiences/vip/members/batch"

pytestmark = pytest.mark.django_db(transaction=True)


def call_until_answered(client, name, deadline):
    """What a careful system does: the same call until an answer comes that is not "later"."""
    broken = 0
    while time.monotonic() < deadline:
        try:
            answer = client.post(PATH, json={"add": [name]}, headers={"Idempotency-Key": name})
        except httpx.TransportError:
            broken += 1
            time.sleep(0.05)
            continue
        if answer.status_code == 409:
            assert answer.json()["code"] == "idempotency_in_progress"
            time.sleep(0.02)
            continue
        return name, answer.status_code, answer.content, broken
    raise AssertionError(f"No answer for {name}")


def kill_now_and_then(folder, finished, chance):
    """Arms one death at a time: before the effect is committed, or after it and before the answer is sent."""
    for _ in range(DEATHS):
        point = chance.choice(("before_commit", "after_commit"))
        file = folder / f"{point}.call"
        file.write_text(str(chance.randrange(1, 8)))
        while file.exists() and not finished.wait(0.05):
            pass
        if finished.is_set():
            file.unlink(missing_ok=True)
            return


@pytest.mark.timeout(300)
def test_200_keys_by_10_repeats_have_200_effects_and_equal_answers(ann_account, audience_of, tmp_path):
    audience = audience_of(ann_account, "VIP", external_id="vip", unknown_contacts="create")
    _, key = keys.issue(ann_account, "ERP", ApiKey.Scope.values)
    chance, finished = random.Random(4), threading.Event()
    names = [f"k-{number}" for number in range(KEYS)] * REPEATS
    chance.shuffle(names)
    environment = {"SYNCAPP_CRASH_AT": str(tmp_path), "SYNCAPP_API_REQUESTS_PER_MINUTE": "1000000"}
    deadline = time.monotonic() + 240
    with (
        running_web(**environment) as (url, _pid),
        httpx.Client(
            base_url=url,
            headers={"Authorization": f"Bearer {key}"},
            timeout=30,
            limits=httpx.Limits(max_keepalive_connections=0),
        ) as client,
    ):
        killer = threading.Thread(target=kill_now_and_then, args=(tmp_path, finished, chance))
        killer.start()
        with ThreadPoolExecutor(CALLERS) as pool:
            found = list(pool.map(lambda name: call_until_answered(client, name, deadline), names))
        finished.set()
        killer.join()
    assert sum(broken for *_, broken in found) > 0  # processes did die under calls
    assert {status for _, status, *_ in found} == {200}
    assert len({(name, content) for name, _, content, _ in found}) == KEYS  # equal keys, equal answers
    assert all(b'"added":1' in content for _, _, content, _ in found)
    with scope.account(ann_account):
        after = Audience.objects.get(pk=audience.pk)
        assert (after.member_count, after.version - audience.version) == (KEYS, KEYS)  # 200 effects
        assert Reply.objects.count() == KEYS
