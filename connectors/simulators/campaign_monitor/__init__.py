"""Campaign Monitor v3.3, simulated. The wire facts are those of its public documentation and clients;
what those leave open is a knob (`core.Knobs`)."""

from __future__ import annotations

from typing import Any

import msgspec
import orjson

from ..exchange import Reply, Request
from . import control, routes, wire
from .core import Core, Knobs
from .demo import DEMO
from .errors import Refused, message_of
from .seeding import seed
from .state import FORMAT, World
from .subscribers import apply_due


class CampaignMonitor:
    """One account with its clients, behind the server. See `exchange.Simulator` for the methods."""

    key = "campaign_monitor"
    label = "Campaign Monitor"
    prefix = "/api/v3.3/"

    def __init__(self, api_key: str, id_seed: str, with_demo_data: bool) -> None:
        self._api_key = api_key
        self._core = Core(id_seed)
        self._overview = control.Overview()
        self._fill(with_demo_data)

    @property
    def version(self) -> int:
        return self._core.version

    def _fill(self, with_demo_data: bool) -> None:
        self._core.world.keys[self._api_key] = None
        if with_demo_data:
            seed(self._core, DEMO)

    def operation(self, method: str, path: str) -> str:
        found = routes.find(method, path.removesuffix(".json").removesuffix(".xml"))
        return "unknown" if found is None else found[0].operation

    def answer(self, request: Request) -> Reply:
        path, is_json = wire.split_format(request)
        with self._core.lock:
            apply_due(self._core)
            try:
                return wire.reply_of(routes.serve(self._core, request, path), request, is_json)
            except Refused as refused:
                return wire.refusal_of(refused, request, is_json)

    def error(self, status: int) -> bytes:
        return orjson.dumps({"Code": status, "Message": message_of(status)})

    def overview(self) -> dict[str, Any]:
        with self._core.lock:
            return self._overview.shown(self._core)

    def control(self, method: str, parts: list[str], data: dict[str, Any]) -> Any:
        with self._core.lock:
            apply_due(self._core)
            if [method, *parts] == ["POST", "reset"]:
                return self._reset(data.get("demo_data") is True)
            return control.control(self._core, method, parts, data)

    def _reset(self, with_demo_data: bool) -> dict[str, Any]:
        self._core.world = World(seed=self._core.world.seed)
        self._core.knobs = Knobs()
        self._core.recent_writes.clear()
        self._core.ledger.clear()
        self._core.changed()
        self._core.forget_lookups()
        self._fill(with_demo_data)
        return {}

    def snapshot(self) -> dict[str, Any]:
        with self._core.lock:
            saved: dict[str, Any] = msgspec.to_builtins(self._core.world, str_keys=True)
            return saved

    def restore(self, saved: dict[str, Any]) -> None:
        """The caller's API key opens everything, whatever key the state was saved with."""
        try:
            world = msgspec.convert(saved, World)
        except msgspec.ValidationError as error:
            raise ValueError(str(error)) from error
        if world.format != FORMAT:
            raise ValueError(f"Format {world.format}")
        with self._core.lock:
            world.keys = {key: seen for key, seen in world.keys.items() if seen is not None}
            world.keys[self._api_key] = None
            self._core.world = world
            self._core.forget_lookups()
            self._core.changed()


def make(api_key: str, id_seed: str, with_demo_data: bool) -> CampaignMonitor:
    return CampaignMonitor(api_key, id_seed, with_demo_data)
