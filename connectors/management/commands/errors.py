"""`manage.py errors`: what each way to fail at an ESP leads to, as the connectors read it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from connectors.esp import registry
from connectors.esp.rules import Row

COLUMNS = ("Status", "Operation", "Code", "Consequence", "Error", "Words")


class Command(BaseCommand):
    help = "Print the table of errors: status × operation × ESP code → consequence."
    requires_system_checks: list[str] = []  # needs neither database nor settings

    def add_arguments(self, parser: CommandParser) -> None:
        keys = [key for key, _ in registry.choices()]
        parser.add_argument("connector", nargs="*", choices=[[], *keys], help="all when none is named")

    def handle(self, *args: Any, **options: Any) -> None:
        for key in options["connector"] or [key for key, _ in registry.choices()]:
            connector = registry.get(key)
            rows = connector.error_table()
            self.stdout.write(f"{connector.spec.label}: {len(rows)} rows; the first that fits counts\n\n")
            self.stdout.write("\n".join(lines(rows)) + "\n")


def lines(rows: Sequence[Row]) -> list[str]:
    cells = [COLUMNS]
    cells += [(r.status, r.operation, r.code, r.consequence.value, r.kind, r.words) for r in rows]
    widths = [max(len(row[column]) for row in cells) for column in range(len(COLUMNS))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in cells
    ]
