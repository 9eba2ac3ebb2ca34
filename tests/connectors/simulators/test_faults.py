"""Every fault as a client meets it, and the counters a test reads afterwards."""

from __future__ import annotations

import time
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
import pytest

from connectors.simulators import SimulatorFailed

from .conftest import Place

IMPORT = "subscribers.import"


def import_one(place: Place) -> httpx.Response:
    return place.send_import({"EmailAddress": "a@example.com"})


def people(place: Place) -> int:
    return len(place.running.subscribers(place.list_id))


@pytest.mark.parametrize("retry_after", [None, 3, "date"])
def test_rate_limited_so_often(place: Place, retry_after: Any) -> None:
    fault = {"kind": "rate_limited", "match": IMPORT, "count": 2, "retry_after": retry_after, "seconds": 5}
    place.running.faults([fault])
    assert place.http.get("clients.json").status_code == 200  # another operation
    first = import_one(place)
    assert (first.status_code, first.json()) == (429, {"Code": 429, "Message": "Rate limit exceeded"})
    header = first.headers.get("Retry-After")
    if retry_after == "date":
        assert 0 < parsedate_to_datetime(header).timestamp() - time.time() <= 6
    else:
        assert header == (None if retry_after is None else "3")
    assert [import_one(place).status_code for _ in range(2)] == [429, 201]


@pytest.mark.parametrize(
    ("fault", "status", "media"),
    [
        ({"kind": "status", "status": 500}, 500, "application/json"),
        ({"kind": "status", "status": 503}, 503, "application/json"),
        ({"kind": "html", "status": 502}, 502, "text/html"),
        ({"kind": "html", "status": 504}, 504, "text/html"),
        ({"kind": "redirect", "location": "https://example.com/"}, 302, "text/html"),
        ({"kind": "redirect", "status": 308, "location": "https://example.com/"}, 308, "text/html"),
        ({"kind": "empty"}, 204, "application/json"),
        ({"kind": "empty", "status": 201}, 201, "application/json"),
    ],
)
def test_an_answer_that_applied_nothing(place: Place, fault: dict[str, Any], status: int, media: str) -> None:
    place.running.faults([fault])
    answer = import_one(place)
    assert (answer.status_code, answer.headers["content-type"].split(";")[0]) == (status, media)
    assert people(place) == 0
    assert import_one(place).status_code == 201


@pytest.mark.parametrize(("kind", "applied"), [("reset_before", 0), ("reset_after", 1), ("truncated", 1)])
def test_a_lost_answer(place: Place, kind: str, applied: int) -> None:
    place.running.faults([{"kind": kind}])
    with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError, httpx.WriteError)):
        import_one(place)
    assert people(place) == applied
    assert import_one(place).json()["TotalNewSubscribers"] == 1 - applied


def test_a_reset_while_a_large_body_is_on_its_way(place: Place) -> None:
    place.running.faults([{"kind": "reset_before"}])
    rows = [{"EmailAddress": f"p{n}@example.com", "Name": "x" * 5000} for n in range(1000)]
    with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError, httpx.WriteError)):
        place.send_import(*rows)
    assert people(place) == 0


@pytest.mark.parametrize("kind", ["slow", "drip"])
def test_an_answer_that_takes_its_time(place: Place, kind: str) -> None:
    place.running.faults([{"kind": kind, "seconds": 0.5}])
    started = time.monotonic()
    assert import_one(place).status_code == 201
    assert time.monotonic() - started >= 0.45


def test_spoilt_bodies_were_applied(place: Place) -> None:
    place.running.faults([{"kind": "bad_json"}, {"kind": "bom"}, {"kind": "wrong_type"}])
    with pytest.raises(ValueError):
        import_one(place).json()
    assert import_one(place).content.startswith(b"\xef\xbb\xbf{")
    assert import_one(place).headers["content-type"].startswith("text/html")
    assert people(place) == 1


def test_bodies_that_got_lost_were_applied(place: Place) -> None:
    place.running.faults([{"kind": "emptied"}, {"kind": "wrong_charset"}])
    answer = import_one(place)
    assert (answer.status_code, answer.content) == (204, b"")
    answer = import_one(place)
    assert answer.headers["content-type"] == "application/json; charset=utf-16"
    assert "TotalExistingSubscribers" in answer.content.decode("utf-16")
    assert people(place) == 1


@pytest.mark.parametrize("kind", ["truncated", "drip"])
def test_an_answer_without_a_body_is_cut_or_drips_in_its_head(place: Place, kind: str) -> None:
    import_one(place)
    place.running.faults([{"kind": kind, "seconds": 0.4, "match": "subscribers.unsubscribe"}])
    started = time.monotonic()
    path = f"subscribers/{place.list_id}/unsubscribe.json"
    if kind == "truncated":
        with pytest.raises(httpx.RemoteProtocolError):
            place.http.post(path, json={"EmailAddress": "a@example.com"})
    else:
        assert place.http.post(path, json={"EmailAddress": "a@example.com"}).status_code == 200
        assert time.monotonic() - started >= 0.35
    assert place.state("a@example.com") == "Unsubscribed"


def test_given_addresses_are_refused(place: Place) -> None:
    place.running.faults([{"kind": "partial", "addresses": {"B@example.com": 207}}])
    answer = place.send_import({"EmailAddress": "a@example.com"}, {"EmailAddress": "b@example.com"})
    assert (answer.status_code, answer.json()["Code"]) == (400, 210)
    assert answer.json()["ResultData"]["FailureDetails"] == [
        {"EmailAddress": "b@example.com", "Code": 207, "Message": "Is Bounced"}
    ]
    assert people(place) == 1


def test_chance_repeats_with_its_seed_and_skip_waits(place: Place) -> None:
    def failures() -> list[int]:
        place.running.clear_faults()
        place.running.faults([{"kind": "status", "probability": 0.5, "seed": 7, "count": None}])
        return [place.http.get("systemdate.json").status_code for _ in range(20)]

    first = failures()
    assert set(first) == {200, 500}
    assert failures() == first
    place.running.faults([{"kind": "status", "skip": 2, "match": "GET systemdate*"}], replace=True)
    assert [place.http.get("systemdate.json").status_code for _ in range(4)] == [200, 200, 500, 200]


def test_an_enforced_rate_limit(place: Place) -> None:
    place.running.rate_limit(3, seconds=1)
    answers = [place.http.get("systemdate.json") for _ in range(5)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]
    assert answers[4].headers["Retry-After"] == "1"
    time.sleep(1.05)
    assert place.http.get("systemdate.json").status_code == 200


def test_latency_is_a_floor_for_each_route(place: Place) -> None:
    place.running.latency(200, match=IMPORT)
    started = time.monotonic()
    place.http.get("systemdate.json")
    assert time.monotonic() - started < 0.15
    started = time.monotonic()
    import_one(place)
    assert 0.2 <= time.monotonic() - started < 0.4


@pytest.mark.parametrize(
    "fault", [{"kind": "flood"}, {"kind": "status", "often": 2}, {"kind": "status", "status": 9}]
)
def test_a_fault_that_is_none(place: Place, fault: dict[str, Any]) -> None:
    with pytest.raises(SimulatorFailed):
        place.running.faults([fault])


def test_repeating_an_import_has_no_effect_a_second_time(place: Place) -> None:
    rows = [{"EmailAddress": f"P{n}@example.com", "Name": f"P {n}"} for n in range(3)]
    for _ in range(2):
        place.send_import(*rows, {"EmailAddress": "no address"})
    place.send_import({**rows[0], "Name": "Changed"})
    counts = place.running.counters()[IMPORT]
    assert counts == {
        "requests": 3,
        "rows": 9,
        "accepted": 7,
        "refused": 2,
        "effects": 4,
        "status_400": 2,
        "status_201": 1,
    }
    assert place.running.addresses(place.list_id) == {
        "p0@example.com": {"receipts": 3, "effects": 2},
        "p1@example.com": {"receipts": 2, "effects": 1},
        "p2@example.com": {"receipts": 2, "effects": 1},
        "no address": {"receipts": 2, "effects": 0},
    }


def test_a_lost_answer_still_counts_its_effect(place: Place) -> None:
    place.running.faults([{"kind": "reset_after"}])
    with pytest.raises(httpx.HTTPError):
        import_one(place)
    import_one(place)
    assert place.running.addresses(place.list_id) == {"a@example.com": {"receipts": 2, "effects": 1}}
    counts = place.running.counters()[IMPORT]
    assert (counts["requests"], counts["effects"], counts["status_0"]) == (2, 1, 1)


def test_calls_hold_no_key_and_no_address(place: Place) -> None:
    import_one(place)
    place.details("a@example.com")
    details, sent = place.running.calls()[:2]
    assert (details["operation"], details["status"], details["path"]) == (
        "subscribers.details",
        200,
        f"subscribers/{place.list_id}.json",
    )
    assert (sent["method"], sent["rows"], sent["status"]) == ("POST", 1, 201)
    text = repr(place.running.calls())
    assert "a@example.com" not in text
    assert "Basic" not in text
