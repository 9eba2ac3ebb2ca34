"""A client with a real list at a real (simulated) ESP, and the engine driven step by step."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from audiences.models import Audience, Objective
from connectors.simulators import Running, start
from connectors.sync.delivering import delivery
from syncapp.accounts.models import Account
from tests.connectors.sync.world import API_KEY, World, make_world


@pytest.fixture(autouse=True)
def no_requests_on_their_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """Crashes are played here: nothing of them is on its way any more."""
    monkeypatch.setattr(delivery, "LANDING_S", 0.0)


@pytest.fixture(scope="session")
def simulator_process() -> Iterator[Running]:
    with start("campaign_monitor", api_key=API_KEY, demo_data=False) as running:
        yield running


@pytest.fixture
def simulator(simulator_process: Running) -> Running:
    simulator_process.reset()
    return simulator_process


@pytest.fixture
def world_of(
    simulator: Running, audience_of: Callable[..., Audience], objective_of: Callable[..., Objective]
) -> Callable[[Account], World]:
    """Build an export of the account; the caller is inside its scope."""
    return lambda account: make_world(
        account,
        simulator,
        audience_of(account, identifier="email", unknown_contacts="create"),
        objective_of(account),
    )


@pytest.fixture
def world(in_ann: Account, world_of: Callable[[Account], World]) -> World:
    return world_of(in_ann)
