"""python -m tests.benchmarks NAME [--scale N]: exit code 0 when the goal is reached, 1 when not."""

from __future__ import annotations

import argparse
import json
import os
import pkgutil
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

import django

from tests.benchmarks.registry import Benchmark, Measured

FRAMEWORK = {"__main__", "cpu", "database", "registry"}


def names() -> list[str]:
    folder = str(Path(__file__).parent)
    return sorted({module.name for module in pkgutil.iter_modules([folder])} - FRAMEWORK)


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("name", choices=names())
    parser.add_argument("--scale", type=int, help="how many; each benchmark has its own default")
    wanted = parser.parse_args(arguments)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "syncapp.settings")
    django.setup()
    from tests.benchmarks.database import fresh_database

    found: Benchmark = import_module(f"tests.benchmarks.{wanted.name}").run
    with fresh_database(wanted.name):
        measured = found.run(wanted.scale or found.scale)
    return report(wanted.name, found, measured)


def report(name: str, found: Benchmark, measured: Measured) -> int:
    print_table(measured.table)
    reached = found.reached_by(measured.ratio)
    summary = {"name": name, "ratio": round(measured.ratio, 3), "goal": found.goal, "ok": reached}
    print(json.dumps({**summary, **measured.figures}))
    return 0 if reached else 1


def print_table(rows: Sequence[Sequence[object]]) -> None:
    texts = [[f"{cell:,.3g}" if isinstance(cell, float) else f"{cell}" for cell in row] for row in rows]
    widths = [max(len(row[column]) for row in texts) for column in range(len(texts[0]))]
    for row in texts:
        print("  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
