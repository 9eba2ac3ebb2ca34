"""Runs background work until SIGTERM or Ctrl-C; any number of them, on any number of hosts."""

from __future__ import annotations

import argparse
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from syncapp.work.supervisor import Supervisor


class Command(BaseCommand):
    help = (
        "Runs background work. SIGTERM or Ctrl-C lets running handlers come back first; "
        "a second one ends them at once."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--workers",
            type=int,
            default=settings.WORK_PROCESSES,
            help="Processes that run handlers (default: %(default)s, from SYNCAPP_WORKERS).",
        )
        parser.add_argument(
            "--cluster", action="store_true", help=argparse.SUPPRESS
        )  # the supervisor's child

    def handle(self, *, workers: int, cluster: bool, **options: Any) -> None:
        if cluster:
            from syncapp.work.cluster import run  # starts django-q2, which the supervisor must not

            run()
        elif workers < 1:
            raise CommandError("At least one process is needed.")
        else:
            Supervisor(workers).run()
