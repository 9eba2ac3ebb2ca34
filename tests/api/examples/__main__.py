"""python3 -m tests.api.examples [--write]: exit code 0 when the kept examples are what is answered."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[3]
TEST = "tests/api/test_examples.py::test_the_kept_examples_are_what_is_answered"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python3 -m tests.api.examples", description=__doc__)
    parser.add_argument("--write", action="store_true", help="keep what is answered now")
    write = "1" if parser.parse_args().write else ""
    environment = {**os.environ, "SYNCAPP_WRITE_EXAMPLES": write}
    command = [sys.executable, "-m", "pytest", "-q", TEST]
    return subprocess.run(command, cwd=CHECKOUT, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
