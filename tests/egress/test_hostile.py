"""Nothing inside is reached: asserted by listeners on loopback and by a hook under every connection."""

from __future__ import annotations

import socket

import pytest

from syncapp.egress import Forbidden, Policy, Sender, Unreachable, is_public
from tests.egress.hostile import NAMES, NUMBERS, PUBLIC, URLS


@pytest.fixture
def sender(listeners):
    """As in production, but that the listeners' port is open too: the number has to be refused, not the port."""
    return Sender(Policy(ports=frozenset({443, listeners[0].port})))


@pytest.fixture(autouse=True)
def nothing_is_reached(listeners, tried):
    before = [listener.accepted for listener in listeners]
    yield
    assert [listener.accepted for listener in listeners] == before
    assert [place for place in tried if not is_public(place[0])] == []


def refused(sender: Sender, url: str) -> bool:
    with pytest.raises((Forbidden, Unreachable)) as error:
        sender.post(url, b"{}", {}, total_s=2)
    return isinstance(error.value, Forbidden)


@pytest.mark.parametrize("url", URLS)
def test_a_hostile_url_is_refused_in_words(sender, listeners, url):
    assert refused(sender, url.replace("{port}", str(listeners[0].port)))


@pytest.mark.parametrize("number", NUMBERS)
def test_a_name_that_means_a_place_inside_is_not_reached(sender, listeners, resolves, number):
    asked = resolves(number)
    assert refused(sender, f"https://hooks.example.com:{listeners[0].port}/")
    assert asked == ["hooks.example.com"]


@pytest.mark.parametrize("number", NUMBERS)
def test_a_number_as_host_is_not_reached(sender, listeners, number):
    host = f"[{number}]" if ":" in number else number
    assert refused(sender, f"https://{host}:{listeners[0].port}/")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("number", ["127.0.0.1", "::1", "169.254.169.254"])
def test_names_that_point_inside_are_not_reached(sender, listeners, resolves, name, number):
    resolves(number)
    assert refused(sender, f"https://{name}:{listeners[0].port}/")


@pytest.mark.parametrize(
    "others", [["8.8.8.8", "127.0.0.1"], ["127.0.0.1", "8.8.8.8"], ["2606:4700::1111", "::1"]]
)
def test_one_number_inside_refuses_all(sender, listeners, resolves, others):
    resolves(others)
    assert refused(sender, f"https://hooks.example.com:{listeners[0].port}/")


def test_a_name_is_looked_up_once_and_the_checked_number_is_connected_to(
    sender, listeners, resolves, tried, monkeypatch
):
    """DNS rebinding: public when checked, inside when connected to. Here nobody looks again."""
    asked = resolves("8.8.8.8", "127.0.0.1", "127.0.0.1")
    port = listeners[0].port
    connect = socket.socket.connect

    def no_network(self, address):
        if address[0] == "8.8.8.8":
            tried.append(address[:2])
            raise ConnectionRefusedError
        return connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", no_network)
    with pytest.raises(Unreachable):
        sender.post(f"https://rebinding.example.com:{port}/", b"{}", {}, total_s=2)
    assert asked == ["rebinding.example.com"]
    assert set(tried) == {("8.8.8.8", port)}
    assert refused(sender, f"https://rebinding.example.com:{port}/"), "the second look-up finds the inside"


@pytest.mark.parametrize("number", PUBLIC)
def test_public_numbers_are_public(number):
    assert is_public(number)


@pytest.mark.parametrize("number", NUMBERS)
def test_numbers_inside_are_not_public(number):
    assert not is_public(number)


def test_the_corpus_is_large_enough():
    assert len({*URLS, *NUMBERS}) + len(NAMES) >= 80
