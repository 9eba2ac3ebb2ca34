"""Runs one simulator in the foreground of this process, until it is told to stop."""

from __future__ import annotations

import gc
import signal
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from . import saving
from .host import Host
from .registry import SIMULATORS
from .server import Server


class CannotStart(Exception):
    """Why not, in words for a person."""


@dataclass(frozen=True, slots=True)
class Options:
    key: str
    port: int = 0  # 0: any free one
    address: str = "127.0.0.1"
    latency_ms: float = 0
    api_key: str = "demo-account-key"
    seed: str = "demo"  # makes the ids
    demo_data: bool = True
    state_file: Path | None = None


@dataclass(frozen=True, slots=True)
class Started:
    """Where it listens; `restored` when the state file held an earlier state."""

    page_url: str
    base_url: str
    restored: bool


def run(options: Options, announce: Callable[[Started], None], until: threading.Event) -> None:
    """Serve until `until` is set or SIGTERM or SIGINT arrives. Raises CannotStart."""
    if options.key not in SIMULATORS:
        raise CannotStart(f"No simulator of {options.key!r}; there are: {', '.join(SIMULATORS)}.")
    simulator = SIMULATORS[options.key](options.api_key, options.seed, options.demo_data)
    try:
        restored = options.state_file is not None and saving.load(simulator, options.state_file)
    except saving.BadState as error:
        raise CannotStart(str(error)) from error
    host = Host(simulator, options.latency_ms)
    server = open_server(options, host)
    saver = None if options.state_file is None else saving.Saver(simulator, options.state_file)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: until.set())
    sys.setswitchinterval(0.0005)  # a sleeping answer must not wait 5 ms for a busy one
    gc.set_threshold(100_000, 50, 1000)  # the people are no garbage, and hold no cycles
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    origin = host.page_origin
    announce(Started(f"{origin}/", f"{origin}{simulator.prefix}", restored))
    until.wait()
    host.closing = True  # nothing is accepted any more that the last save would miss
    server.shutdown()
    server.server_close()
    if saver is not None:
        saver.close()


def open_server(options: Options, host: Host) -> Server:
    try:
        return Server((options.address, options.port), host)
    except (OSError, OverflowError) as error:
        words = getattr(error, "strerror", None) or str(error)
        raise CannotStart(f"Port {options.port} cannot be used: {words}.") from error
