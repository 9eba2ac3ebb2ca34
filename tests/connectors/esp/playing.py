"""A connector connected to its simulator, on a freshly laid stage."""

from dataclasses import dataclass

from connectors.esp import registry
from connectors.esp.contract import Can, Connector, FieldType, RemoteField
from connectors.esp.exchange import Exchange
from connectors.simulators import Running

from .stages import Ground, Stage

KEYS = [key for key, _ in registry.choices()]


@dataclass
class Play:
    """One connector, connected, on a freshly laid stage."""

    key: str
    stage: Stage
    ground: Ground
    simulator: Running
    connector: Connector
    kept: list[Exchange]

    def can(self, flag: Can) -> bool:
        return bool(self.connector.spec.can & flag)

    def field(self, type: FieldType) -> RemoteField:
        name = self.stage.fields[type]
        return next(field for field in self.connector.fields(self.ground.list_id) if field.name == name)

    def with_settings(self, **settings: str) -> Connector:
        return registry.connect(self.key, settings, base_url=self.simulator.base_url)
