"""What the documentation leaves open: the connector does the same whichever way Campaign Monitor turns out.

Each row sets one knob of the simulator away from its likeliest value.
"""

from collections.abc import Iterator
from datetime import date

import pytest

from connectors.esp import registry
from connectors.esp.contract import Connector, Contact, State, Status
from connectors.esp.errors import NotFound, RateLimited
from connectors.simulators import Running, start

from ..stages import STAGES

STAGE = STAGES["campaign_monitor"]
USUAL = {
    "keys": "bracketed",
    "repeat_unsubscribe": 200,
    "repeat_delete": 203,
    "unknown_list": "101/401",
    "text_overflow": "truncate",
    "bad_value": "ignore",
    "subscriber_throttle": False,
    "suppress_blocks_new": True,
    "agency": True,
}


@pytest.fixture(scope="module")
def simulator() -> Iterator[Running]:
    with start("campaign_monitor", demo_data=False) as running:
        yield running


@pytest.fixture
def list_id(simulator: Running) -> Iterator[str]:
    simulator.reset()
    simulator.rate_limit(None)
    yield STAGE.lay(simulator).list_id
    simulator.knobs(**USUAL)


def connect(simulator: Running, **settings: str) -> Connector:
    return registry.connect("campaign_monitor", {**STAGE.settings, **settings}, base_url=simulator.base_url)


@pytest.mark.parametrize("keys", ["bracketed", "fieldname"])
@pytest.mark.parametrize("key_form", ["plain", "bracketed"])
def test_keys_come_and_go_in_either_form(simulator: Running, list_id: str, keys: str, key_form: str) -> None:
    simulator.knobs(keys=keys)
    with connect(simulator, key_form=key_form) as connector:
        fields = connector.fields(list_id)
        values = {"[City]": "Ghent", "[Bicyclesowned]": 2, "[Interests]": ["Racing", "Repair"]}
        outcomes = connector.upsert(list_id, [Contact("eve@example.com", values=values)], fields)
        assert outcomes[0].left_out == ()
        found = connector.subscriber(list_id, "eve@example.com")
    assert found is not None
    assert found.values == {"[City]": "Ghent", "[Bicyclesowned]": "2", "[Interests]": ["Racing", "Repair"]}


@pytest.mark.parametrize("unknown_list", ["101/401", "101/400", "102/401"])
def test_an_unknown_list_is_not_found_however_it_is_said(
    simulator: Running, list_id: str, unknown_list: str
) -> None:
    simulator.knobs(unknown_list=unknown_list)
    with connect(simulator) as connector, pytest.raises(NotFound):
        connector.upsert("0" * 32, [Contact("eve@example.com")])


@pytest.mark.parametrize("repeat", [200, 203])
def test_repeating_an_opt_out_or_a_removal_is_done(simulator: Running, list_id: str, repeat: int) -> None:
    simulator.knobs(repeat_unsubscribe=repeat, repeat_delete=repeat)
    addresses = [STAGE.standing[State.ACTIVE]]
    with connect(simulator) as connector:
        for verb in (connector.unsubscribe, connector.unsubscribe, connector.remove, connector.remove):
            assert verb(list_id, addresses)[0].status is Status.DONE


@pytest.mark.parametrize("text_overflow", ["truncate", "error810"])
@pytest.mark.parametrize("bad_value", ["ignore", "error"])
def test_no_value_costs_a_person_their_place(
    simulator: Running, list_id: str, text_overflow: str, bad_value: str
) -> None:
    """Checked before sending, so it does not matter what Campaign Monitor does with such values."""
    simulator.knobs(text_overflow=text_overflow, bad_value=bad_value)
    values = {"[City]": "x" * 251, "[Bicyclesowned]": "many", "[Interests]": ["Golf"]}
    contact = Contact("eve@example.com", "Eve", {**values, "[Gone]": date(2026, 8, 1)})
    with connect(simulator) as connector:
        (outcome,) = connector.upsert(list_id, [contact], connector.fields(list_id))
        found = connector.subscriber(list_id, "eve@example.com")
    assert outcome.status is Status.DONE
    assert {item.code for item in outcome.left_out} == {
        "too_long",
        "not_a_number",
        "unknown_option",
        "unknown_field",
    }
    assert found is not None
    assert (found.name, found.values) == ("Eve", {})


def test_a_suppressed_person_who_was_never_on_the_list(simulator: Running, list_id: str) -> None:
    address = STAGE.standing[State.SUPPRESSED]
    with connect(simulator) as connector:
        refused = connector.upsert(list_id, [Contact(address)])[0]
        assert (refused.status, refused.state) == (Status.REFUSED, State.SUPPRESSED)
        simulator.knobs(suppress_blocks_new=False)
        assert connector.upsert(list_id, [Contact(address)])[0].status is Status.DONE


def test_a_clients_own_key_sees_its_client(simulator: Running, list_id: str) -> None:
    client = simulator.seed({"clients": [{"name": "Bob’s Books", "api_key": "b" * 48, "lists": []}]})[
        "clients"
    ][0]
    with connect(simulator, api_key="b" * 48, client_id=client["id"]) as connector:
        connector.check_credentials()
        assert [found.name for found in connector.clients()] == ["Bob’s Books"]
        with pytest.raises(NotFound):
            connector.upsert(list_id, [Contact("eve@example.com")])


def test_the_request_limit_is_told_with_a_time(simulator: Running, list_id: str) -> None:
    with connect(simulator) as connector:
        simulator.rate_limit(1, 5)
        connector.check_credentials()
        with pytest.raises(RateLimited) as raised:
            connector.check_credentials()
    simulator.rate_limit(None)
    assert raised.value.retry_after_s is not None
