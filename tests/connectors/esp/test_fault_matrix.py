"""Every fault × every verb of every connector against its simulator. `python -m tests.faults` prints it."""

from collections.abc import Iterator

import pytest

from connectors.simulators import Running

from ..faults.certificates import server_context
from ..faults.matrix import FAULTS, VERBS, Fault, Trial, hurried
from ..faults.places import certified
from .playing import Play
from .stages import STAGES
from .test_conformance import VERBS as CONFORMING


@pytest.fixture(autouse=True)
def in_a_hurry() -> Iterator[None]:
    with hurried():
        yield


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_every_verb_survives(running: tuple[str, Running], fault: Fault) -> None:
    key, simulator = running
    cells = Trial(key, STAGES[key], simulator).try_row(fault)
    assert [(cell.verb, cell.ended, cell.problem) for cell in cells if cell.problem] == []
    assert sum(cell.ended != "-" for cell in cells) >= 3


def test_all_verbs_and_enough_faults() -> None:
    assert len(FAULTS) >= 24
    assert set(VERBS) == {*CONFORMING, "restore"}


def test_a_good_certificate_of_the_same_authority_is_accepted(play: Play) -> None:
    """So it is the certificates that fail, not TLS."""
    with certified(server_context()) as base_url:
        connector = type(play.connector)(dict(play.stage.settings), base_url=base_url)
        connector.check_credentials()
        connector.close()
