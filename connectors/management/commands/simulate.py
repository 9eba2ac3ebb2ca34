"""`manage.py simulate campaign_monitor --port 8100`: an ESP's simulator, in the foreground."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from connectors.simulators.registry import SIMULATORS
from connectors.simulators.running import CannotStart, Options, Started, run


class Command(BaseCommand):
    help = "Run the simulator of an ESP until Ctrl-C."
    requires_system_checks: list[str] = []  # needs neither database nor settings

    def add_arguments(self, parser: CommandParser) -> None:
        defaults = Options(key="")
        parser.add_argument("key", choices=sorted(SIMULATORS))
        parser.add_argument("--port", type=int, default=defaults.port, help="0: any free one")
        parser.add_argument("--address", default=defaults.address)
        parser.add_argument("--latency-ms", type=float, default=defaults.latency_ms)
        parser.add_argument("--api-key", default=defaults.api_key)
        parser.add_argument("--seed", default=defaults.seed, help="makes the ids")
        parser.add_argument("--empty", action="store_true", help="start without the demo's lists")
        parser.add_argument("--state", type=Path, help="file that keeps the data between starts")

    def handle(self, *args: Any, **options: Any) -> None:
        wanted = Options(
            key=options["key"],
            port=options["port"],
            address=options["address"],
            latency_ms=options["latency_ms"],
            api_key=options["api_key"],
            seed=options["seed"],
            demo_data=not options["empty"],
            state_file=options["state"],
        )
        try:
            run(wanted, self.announce, threading.Event())
        except CannotStart as error:
            raise CommandError(str(error)) from error

    def announce(self, started: Started) -> None:
        self.stdout.write(f"Page      {started.page_url}\nBase URL  {started.base_url}\n")
        self.stdout.flush()
