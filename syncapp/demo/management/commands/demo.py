"""`manage.py demo`: everything, running, with one command."""

from __future__ import annotations

import sys
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from syncapp.demo.home import InUse
from syncapp.demo.running import run_check, run_demo

WEB_PORT, SIMULATOR_PORT = 8000, 8001


class Command(BaseCommand):
    help = (
        "Run the whole application with demo data and a simulated ESP until Ctrl-C; the data stay. "
        "With --check: prove apart from it that a person pushed through the API arrives at the ESP, then stop."
    )
    requires_system_checks: list[str] = []  # they need the database, which is not there yet

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--check", action="store_true", help="start, push a person, see them arrive, stop"
        )
        parser.add_argument("--reset", action="store_true", help="start over with new data")
        parser.add_argument(
            "--port", type=port, default=WEB_PORT, help="of the application (default: %(default)s)"
        )
        parser.add_argument(
            "--simulator-port",
            type=port,
            default=SIMULATOR_PORT,
            help="of the simulated ESP (default: %(default)s)",
        )

    def handle(self, **options: Any) -> None:
        if options["check"]:
            sys.exit(run_check(self.say))
        try:
            home = settings.SYNCAPP_HOME
            sys.exit(
                run_demo(home, options["port"], options["simulator_port"], self.say, reset=options["reset"])
            )
        except InUse as in_use:
            raise CommandError(
                f"A demo is running on this data already. {in_use}\n"
                "Use that one or stop it, or set SYNCAPP_HOME to another folder for a second one."
            ) from in_use

    def say(self, words: str) -> None:
        self.stdout.write(words)
        self.stdout.flush()


def port(text: str) -> int:
    """0 (any free one) to 65535."""
    number = int(text)
    if not 0 <= number <= 65535:
        raise ValueError(text)
    return number
