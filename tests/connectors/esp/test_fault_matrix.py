"""Every fault × every verb of every connector against its simulator. `python -m tests.faults` prints it."""

from collections.abc import Iterator

import pytest

from connectors.esp.contract import Contact, Status
from connectors.esp.errors import Unreachable
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


def test_a_thousand_lost_answers_double_nothing_and_lose_nothing(play: Play) -> None:
    """Each of four verbs, for 250 people: done, its answer lost, done again."""
    if play.key != "campaign_monitor":
        return
    connector, list_id = play.connector, play.ground.list_id
    people = [f"p{n:03}@example.com" for n in range(250)]
    verbs = {
        "upsert": lambda a: connector.upsert(list_id, [Contact(a, "Eve")]),
        "unsubscribe": lambda a: connector.unsubscribe(list_id, [a]),
        "restore": lambda a: connector.upsert(list_id, [Contact(a, "Eve")], restore=True),
        "rename": lambda a: [connector.rename(list_id, a, f"new-{a}")],
    }
    for verb, act in verbs.items():
        operation = play.stage.operations["upsert" if verb == "restore" else verb]
        play.simulator.faults([{"kind": "reset_after", "match": operation, "count": 250}])
        for address in people:
            with pytest.raises(Unreachable):
                act(address)
        assert {act(address)[0].status for address in people} == {Status.DONE}
    journals = play.simulator.journals(list_id)
    for address in people:
        events = [entry.partition(":")[0] for entry in journals[address] + journals[f"new-{address}"]]
        assert events == ["added", "unsubscribed", "reactivated", "renamed_away", "renamed"]
