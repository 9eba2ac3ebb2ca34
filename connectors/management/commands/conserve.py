"""`manage.py conserve`: whether every run accounts for every person."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from connectors.sync.watching.conservation import books_of, differences_of
from syncapp.accounts.models import Account

BOOKS = ("Account", "Runs", "Accepted", "Done", "Dead", "Cancelled", "Waiting", "Difference")
DIFFERENCES = ("Account", "Run", "What", "Expected", "Found")
NO_RUN = "(none)"


class Command(BaseCommand):
    help = "Compare the counters of all runs with what happened to people. Exit code 1 where they differ."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--account", metavar="SLUG", help="one account; all when none is named")

    def handle(self, *args: Any, account: str | None, **options: Any) -> None:
        accounts = list(Account.objects.filter(**({"slug": account} if account else {})).order_by("slug"))
        if account and not accounts:
            raise CommandError(f"There is no account called {account}.")
        books = [(one.slug, books_of(one)) for one in accounts]
        differences = [row for one in accounts for row in differences_of(one)]
        self.print_table(
            BOOKS,
            [
                (
                    slug,
                    sums.runs,
                    sums.accepted,
                    sums.done,
                    sums.dead,
                    sums.cancelled,
                    sums.waiting,
                    sums.difference,
                )
                for slug, sums in books
            ],
        )
        if differences:
            self.stdout.write("")
            self.print_table(
                DIFFERENCES,
                [
                    (row.account, row.run_id or NO_RUN, row.what, row.expected, row.found)
                    for row in differences
                ],
            )
        if differences or any(sums.difference for _, sums in books):
            sys.exit(1)

    def print_table(self, header: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        cells = [
            tuple(header),
            *[tuple(f"{cell:,}" if isinstance(cell, int) else str(cell) for cell in row) for row in rows],
        ]
        widths = [max(len(row[column]) for row in cells) for column in range(len(header))]
        for row in cells:
            line = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
            self.stdout.write(line.rstrip())
