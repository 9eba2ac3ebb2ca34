"""The connector against scripted answers.

Fixtures are the bodies of the official createsend-python 9.1.4 and createsend-ruby 6.1.2 clients' own tests
(© Campaign Monitor, MIT-style licence), copied as data.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from connectors.esp.campaign_monitor import CampaignMonitor
from connectors.esp.exchange import Exchange

from ..loopback import Loopback, http, loopback

FIXTURES = Path(__file__).parent / "fixtures"
Esp = Callable[..., tuple[CampaignMonitor, Loopback]]


def fixture(name: str) -> Any:
    return json.loads((FIXTURES / f"{name}.json").read_text("utf-8-sig"))


def sent(server: Loopback, number: int = -1) -> Any:
    """The JSON of a request the server got."""
    return json.loads(server.requests[number].partition(b"\r\n\r\n")[2])


def first_line(server: Loopback, number: int = -1) -> str:
    return server.requests[number].split(b"\r\n")[0].decode()


@pytest.fixture
def kept() -> list[Exchange]:
    return []


@pytest.fixture
def esp(kept: list[Exchange]) -> Iterator[Esp]:
    """esp(status, body | "fixture", …) answers each call with the next; the last one repeats."""
    with ExitStack() as stack:

        def esp(*answers: Any, settings: dict[str, str] | None = None) -> tuple[CampaignMonitor, Loopback]:
            bodies = [
                (FIXTURES / f"{body}.json").read_bytes()
                if isinstance(body, str)
                else json.dumps(body).encode()
                for body in answers[1::2]
            ]
            contents = [
                http(status, b"" if answer is None else body)
                for status, answer, body in zip(answers[::2], answers[1::2], bodies, strict=True)
            ]
            server = stack.enter_context(
                loopback(
                    lambda connection: connection.sendall(contents.pop(0) if contents[1:] else contents[0])
                )
            )
            connector = CampaignMonitor(
                {"api_key": "demo-key-of-ann", **(settings or {})},
                base_url=server.base_url,
                record=kept.append,
            )
            stack.callback(connector.close)
            return connector, server

        yield esp
