"""A limit that is enforced, and what can be read of the manners of those who meet it."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from connectors.simulators import SimulatorFailed
from connectors.simulators.limits import Limit

from .conftest import API_KEY, Place, basic


def ask(place: Place) -> httpx.Response:
    return place.http.get("systemdate.json")


def test_headers_tell_of_the_limit(place: Place) -> None:
    place.running.rate_limit(3, seconds=60, window="sliding")
    answers = [ask(place) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert [answer.headers["X-RateLimit-Remaining"] for answer in answers] == ["2", "1", "0", "0"]
    assert {answer.headers["X-RateLimit-Limit"] for answer in answers} == {"3"}
    assert 55 <= int(answers[3].headers["X-RateLimit-Reset"]) <= 60
    assert answers[3].headers["Retry-After"] == answers[3].headers["X-RateLimit-Reset"]
    assert "Retry-After" not in answers[0].headers
    assert answers[3].json()["Code"] == 429


def test_a_limit_may_be_silent(place: Place) -> None:
    place.running.rate_limit(1, seconds=60, headers=False, retry_after=False)
    answers = [ask(place) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 429]
    told = {name for answer in answers for name in answer.headers}
    assert not told & {"x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset", "retry-after"}


def test_a_limit_of_one_key_is_not_another_s(place: Place) -> None:
    other = place.client["api_key"]
    place.running.rate_limit(1, seconds=60, key=API_KEY)
    assert [ask(place).status_code for _ in range(2)] == [200, 429]
    answer = place.http.get("systemdate.json", headers=basic(other))
    assert answer.status_code == 200
    assert "X-RateLimit-Limit" not in answer.headers
    place.running.rate_limit(5, seconds=60)
    assert place.http.get("systemdate.json", headers=basic(other)).headers["X-RateLimit-Limit"] == "5"
    assert ask(place).status_code == 429
    place.running.rate_limit(None, key=API_KEY)
    assert ask(place).status_code == 200
    place.running.rate_limit(None)
    assert "X-RateLimit-Limit" not in ask(place).headers


def test_exactly_so_many_pass_however_many_ask_at_once(place: Place) -> None:
    place.running.rate_limit(50, seconds=60)
    with ThreadPoolExecutor(16) as pool:
        statuses = list(pool.map(lambda _: ask(place).status_code, range(200)))
    assert statuses.count(200) == 50
    told = place.running.rate()
    assert (told["asked"], told["passed"], told["limited"]) == (200, 50, 150)
    assert (told["most_asked"], told["most_passed"]) == (200, 50)


def test_who_keeps_to_it_overshoots_nothing(place: Place) -> None:
    place.running.rate_limit(20, seconds=0.5)
    for _ in range(3):
        assert {ask(place).status_code for _ in range(18)} == {200}
        time.sleep(0.55)
    told = place.running.rate()
    assert (told["asked"], told["limited"], told["most_asked"]) == (54, 0, 18)
    assert 1 < told["lasted_s"] < 5


def test_a_sliding_window_never_lets_more_through_and_a_fixed_one_does_at_its_edge() -> None:
    sliding, fixed = Limit(10, 1.0), Limit(10, 1.0, window="fixed")
    moments = [0.9 + n / 1000 for n in range(10)] + [1.01 + n / 1000 for n in range(10)]
    for moment in moments:
        sliding.wait_s(moment)
        fixed.wait_s(moment)
    assert (sliding.shown()["passed"], sliding.shown()["most_passed"]) == (10, 10)
    assert (fixed.shown()["passed"], fixed.shown()["most_passed"]) == (20, 20)
    assert sliding.wait_s(1.5) == pytest.approx(0.4)
    assert sliding.wait_s(1.901) == 0


@pytest.mark.parametrize(
    "limit", [{"requests": 0}, {"seconds": 0}, {"window": "leaky"}, {"burst": 3}, {"requests": "many"}]
)
def test_a_limit_that_is_none(place: Place, limit: dict[str, object]) -> None:
    with pytest.raises(SimulatorFailed):
        place.running.control("POST", "rate-limit", {"requests": 1, "seconds": 1, **limit})
