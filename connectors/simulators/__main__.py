"""`python -m connectors.simulators campaign_monitor --port 0`: one simulator, without Django.

Prints one line of JSON when it listens: {"page_url", "base_url", "restored"}.
"""

from __future__ import annotations

import argparse
import sys
import threading
from dataclasses import asdict
from pathlib import Path

import orjson

from .running import CannotStart, Options, Started, run


def read_options() -> tuple[Options, bool]:
    """The options of the command line, and whether to end when standard input closes."""
    parser = argparse.ArgumentParser(prog="python -m connectors.simulators")
    defaults = Options(key="")
    parser.add_argument("key")
    parser.add_argument("--port", type=int, default=defaults.port)
    parser.add_argument("--address", default=defaults.address)
    parser.add_argument("--latency-ms", type=float, default=defaults.latency_ms)
    parser.add_argument("--api-key", default=defaults.api_key)
    parser.add_argument("--seed", default=defaults.seed)
    parser.add_argument("--empty", action="store_true", help="start without the demo's lists")
    parser.add_argument("--state", type=Path, help="file that keeps the data between starts")
    parser.add_argument("--until-input-closes", action="store_true")
    given = parser.parse_args()
    options = Options(
        key=given.key,
        port=given.port,
        address=given.address,
        latency_ms=given.latency_ms,
        api_key=given.api_key,
        seed=given.seed,
        demo_data=not given.empty,
        state_file=given.state,
    )
    return options, given.until_input_closes


def announce(started: Started) -> None:
    sys.stdout.write(orjson.dumps(asdict(started)).decode() + "\n")
    sys.stdout.flush()


def follow_input(until: threading.Event) -> None:
    """Our starter's end closes our input: whatever happens to it, we end too."""
    sys.stdin.read()
    until.set()


def main() -> int:
    options, follows_input = read_options()
    until = threading.Event()
    if follows_input:
        threading.Thread(target=follow_input, args=[until], daemon=True).start()
    try:
        run(options, announce, until)
    except CannotStart as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
