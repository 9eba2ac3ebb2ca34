"""One simulator process per connector and module; every test starts from a stage laid anew."""

from collections.abc import Iterator

import pytest

from connectors.esp import registry
from connectors.esp.exchange import Exchange
from connectors.simulators import Running, start

from .playing import KEYS, Play
from .stages import STAGES


@pytest.fixture(scope="module", params=KEYS)
def running(request: pytest.FixtureRequest) -> Iterator[tuple[str, Running]]:
    with start(request.param, demo_data=False) as simulator:
        yield request.param, simulator


@pytest.fixture
def play(running: tuple[str, Running]) -> Iterator[Play]:
    key, simulator = running
    simulator.clear_faults()
    simulator.reset()
    stage = STAGES[key]
    kept: list[Exchange] = []
    ground = stage.lay(simulator)
    with registry.connect(
        key, dict(stage.settings), base_url=simulator.base_url, record=kept.append
    ) as connector:
        yield Play(key, stage, ground, simulator, connector, kept)
