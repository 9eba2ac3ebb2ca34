"""What holds for every connector without a call, and for one that declares nothing."""

from collections.abc import Callable

import pytest

from connectors.esp import errors, registry
from connectors.esp.contract import Can, Connector, Contact, FieldType, Limits, Spec, State, joined_name
from connectors.esp.errors import ConnectorError, TryAgain, Unsupported


class Silent(Connector):
    spec = Spec(
        key="silent",
        label="Silent",
        base_url="https://silent.example/",
        settings=(),
        can=Can(0),
        limits=Limits(batch=1, value_chars=1, field_name_chars=1),
        documentation="https://silent.example/docs",
        colour="#000000",
        initials="S",
    )

    def __init__(self) -> None:
        """It opens nothing."""


@pytest.mark.parametrize(
    "act",
    [
        lambda connector: connector.check_credentials(),
        lambda connector: connector.clients(),
        lambda connector: connector.client("c"),
        lambda connector: connector.lists("c"),
        lambda connector: connector.list_details("l"),
        lambda connector: connector.fields("l"),
        lambda connector: connector.create_field("l", "name", FieldType.TEXT),
        lambda connector: connector.upsert("l", [Contact("ann@example.com")]),
        lambda connector: connector.unsubscribe("l", ["ann@example.com"]),
        lambda connector: connector.remove("l", ["ann@example.com"]),
        lambda connector: connector.subscriber("l", "ann@example.com"),
        lambda connector: connector.rename("l", "ann@example.com", "anna@example.com"),
        lambda connector: connector.preview("l", [Contact("ann@example.com")]),
        lambda connector: connector.read_list("l", State.ACTIVE),
        lambda connector: connector.suppressions("c"),
    ],
)
def test_a_verb_that_is_not_declared_says_so(act: Callable[[Connector], object]) -> None:
    with Silent() as connector, pytest.raises(Unsupported, match="Silent has no way to do “"):
        act(connector)


@pytest.mark.parametrize("connector", registry.CONNECTORS, ids=lambda connector: connector.spec.key)
def test_a_spec_is_complete(connector: type[Connector]) -> None:
    spec = connector.spec
    assert registry.get(spec.key) is connector
    assert (spec.key, spec.label) in registry.choices()
    assert spec.base_url.startswith("https://")
    assert spec.documentation.startswith("https://")
    assert len(spec.colour) == 7
    assert 1 <= len(spec.initials) <= 3
    assert spec.secrets()
    names = [setting.name for setting in spec.settings]
    assert len(names) == len(set(names))
    for setting in spec.settings:
        assert spec.setting(setting.name) is setting
        assert not setting.default or not setting.required
        assert not setting.choices or setting.default in dict(setting.choices)
        assert not setting.advanced or setting.default


def test_a_connector_nobody_wrote() -> None:
    with pytest.raises(registry.UnknownConnector, match="fax"):
        registry.get("fax")


@pytest.mark.parametrize(
    ("parts", "name"),
    [
        (("Ann", "Smit"), "Ann Smit"),
        ((" Ann ", ""), "Ann"),
        (("", ""), ""),
        (("Ann", "de  Groot"), "Ann de Groot"),
    ],
)
def test_names_are_joined(parts: tuple[str, ...], name: str) -> None:
    assert joined_name(*parts) == name


def every_error() -> list[type[ConnectorError]]:
    found = [value for value in vars(errors).values() if isinstance(value, type)]
    return [value for value in found if issubclass(value, ConnectorError)]


@pytest.mark.parametrize("kind", every_error())
def test_every_error_says_what_and_who(kind: type[ConnectorError]) -> None:
    error = kind(operation="upsert", status=400, code="7")
    assert str(error).endswith(".")
    assert error.act_by.words
    assert (error.operation, error.status, error.code, error.may_split) == ("upsert", 400, "7", False)
    assert issubclass(kind, TryAgain) <= (error.act_by is errors.ActBy.WE_RETRY)
