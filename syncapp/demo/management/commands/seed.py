"""`manage.py seed`: the demo's clients, people and connections, into an empty database."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from syncapp.demo import seeding
from syncapp.demo.api_key import ensure_keys


class Command(BaseCommand):
    help = "Seed the demo's data into an empty database; a second time changes nothing."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--simulator", default="", metavar="URL", help="also fill the simulator at this page address"
        )

    def handle(self, *, simulator: str, **options: Any) -> None:
        try:
            made = seeding.seed(simulator)
        except seeding.Refused as refused:
            raise CommandError(str(refused)) from refused
        ensure_keys(settings.SYNCAPP_HOME)
        self.stdout.write(f"{made} people made." if made else "The demo's data are there already.")
