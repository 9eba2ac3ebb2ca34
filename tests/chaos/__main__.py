"""python -m tests.chaos kill|points|hosts|budget|fairness: breaks things on purpose.

The last line is JSON, exit code 0 when all held.

On a PostgreSQL server, a simulator and workers of its own; none of yours are touched.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence

from syncapp.work import crashing
from tests.chaos.stage import empty_stage


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    kill = commands.add_parser("kill", help="kill workers and restart PostgreSQL at random moments")
    kill.add_argument("--people", type=int, default=2000)
    kill.add_argument("--kills", type=int, default=50)
    kill.add_argument("--restarts", type=int, default=10)
    kill.add_argument("--seed", type=int, default=1)
    points = commands.add_parser("points", help="let a worker die at every named point of every operation")
    points.add_argument("--only", nargs="*", default=[], help="operations; all when none is named")
    hosts = commands.add_parser("hosts", help="three worker hosts, one of them cut off")
    hosts.add_argument("--accounts", type=int, default=24)
    hosts.add_argument("--people", type=int, default=90, help="per account")
    hosts.add_argument("--groups", action="store_true", help="groups of processes, no network namespaces")
    budget = commands.add_parser("budget", help="many processes against an ESP that enforces a limit")
    budget.add_argument("--processes", type=int, default=8)
    budget.add_argument("--seconds", type=float, default=30)
    budget.add_argument(
        "--ways", nargs="*", default=[], help="how the limit is known: spec, headers, refusals"
    )
    fairness = commands.add_parser("fairness", help="one account with a large backlog, and the others' waits")
    fairness.add_argument("--samples", type=int, default=40)
    fairness.add_argument("--processes", type=int, default=2)
    wanted = parser.parse_args(arguments)
    runs = {
        "kill": run_kill,
        "points": run_points,
        "hosts": run_hosts,
        "budget": run_budget,
        "fairness": run_fairness,
    }
    return runs[wanted.command](wanted)


def run_kill(wanted: argparse.Namespace) -> int:
    with empty_stage():
        from tests.chaos import kill

        return kill.report(kill.run(kill.Wanted(wanted.people, wanted.kills, wanted.restarts, wanted.seed)))


def run_points(wanted: argparse.Namespace) -> int:
    with tempfile.TemporaryDirectory() as traps, empty_stage(**{crashing.VARIABLE: traps}):
        from tests.chaos import points

        return points.report(points.run(wanted.only))


def run_budget(wanted: argparse.Namespace) -> int:
    with empty_stage():
        from tests.chaos import budget

        return budget.report(budget.run(wanted.processes, wanted.seconds, wanted.ways), wanted.seconds)


def run_fairness(wanted: argparse.Namespace) -> int:
    with empty_stage(SYNCAPP_SLICE_S="45", SYNCAPP_LEASE_S="30"):
        from tests.chaos import fairness

        return fairness.report(fairness.run(wanted.samples, wanted.processes))


def run_hosts(wanted: argparse.Namespace) -> int:
    with empty_stage():
        from tests.chaos import hosts

        return hosts.report(hosts.run(hosts.Wanted(wanted.accounts, wanted.people, groups=wanted.groups)))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
