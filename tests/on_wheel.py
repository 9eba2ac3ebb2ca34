"""`python -m tests.on_wheel ARGUMENTS`: pytest on the wheel's PostgreSQL, in a home that goes afterwards."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence

from syncapp.demo.temporary import temporary_home

OTHER_SERVERS = ("DATABASE_URL", "DATABASE_OWNER_URL", "PG_BINDIR")


def main(arguments: Sequence[str]) -> int:
    """pytest's exit code."""
    usual = {name: value for name, value in os.environ.items() if name not in OTHER_SERVERS}
    with temporary_home() as home:
        environment = {**usual, "SYNCAPP_HOME": str(home), "SYNCAPP_POSTGRES": "wheel"}
        return subprocess.run(
            [sys.executable, "-m", "pytest", *arguments], env=environment, check=False
        ).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
