"""python -m tests.chaos kill|points|hosts: breaks things on purpose; the last line is JSON, exit code 0 when all held.

On a PostgreSQL server, a simulator and workers of its own; none of yours are touched.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from tests.chaos.stage import empty_stage


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    kill = commands.add_parser("kill", help="kill workers and restart PostgreSQL at random moments")
    kill.add_argument("--people", type=int, default=2000)
    kill.add_argument("--kills", type=int, default=50)
    kill.add_argument("--restarts", type=int, default=10)
    kill.add_argument("--seed", type=int, default=1)
    wanted = parser.parse_args(arguments)
    with empty_stage():
        from tests.chaos import kill as kill_test

        return kill_test.report(
            kill_test.run(kill_test.Wanted(wanted.people, wanted.kills, wanted.restarts, wanted.seed))
        )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
