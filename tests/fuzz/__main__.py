"""python3 -m tests.fuzz [--cases N] [--seed N]: the last line is JSON; exit code 0 when nothing was found."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence

import django


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python3 -m tests.fuzz", description=__doc__)
    parser.add_argument("--cases", type=int, default=10_000, help="how many calls, roughly")
    parser.add_argument("--seed", type=int, default=1)
    wanted = parser.parse_args(arguments)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "syncapp.settings")
    django.setup()
    from django.test.utils import setup_test_environment

    from tests.benchmarks.database import fresh_database
    from tests.fuzz.run_on_server import run_on_server

    setup_test_environment()
    with fresh_database("fuzz"):
        report = run_on_server(wanted.cases, wanted.seed)
    for name, count in report.found.most_common():
        print(f"\n{count} × {name}\n{report.samples[name]}")
    print(json.dumps({"name": "fuzz", "seed": wanted.seed, **report.summary()}))
    return 0 if report.summary()["ok"] else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
