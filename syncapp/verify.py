"""`manage.py test`: the whole check. With arguments, pytest alone with those arguments.

Every step runs, also after one has failed: a person wants to see all that is wrong at once.
"""

import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]
PYTHON = sys.executable
LINT_IMPORTS = "from importlinter.cli import lint_imports_command; lint_imports_command()"
PARALLEL = ["-n", "auto", "--dist", "worksteal"]  # the last long tests do not wait behind each other
ON_WHEEL = [  # what speaks to PostgreSQL in ways of its own
    "tests/accounts",
    "tests/audiences",
    "tests/connectors/sync/test_engine.py",
    str(Path("tests", "work", "test_wakes.py")),
]
STEPS = {
    "ruff check": [PYTHON, "-m", "ruff", "check", "."],
    "ruff format": [PYTHON, "-m", "ruff", "format", "--check", "."],
    "mypy": [PYTHON, "-m", "mypy"],
    "import-linter": [PYTHON, "-c", LINT_IMPORTS],
    "migrations": [PYTHON, "manage.py", "makemigrations", "--check", "--dry-run"],
    "pytest": [PYTHON, "-m", "pytest", *PARALLEL],
    "pytest, wheel": [PYTHON, "-m", "tests.on_wheel", *PARALLEL, *ON_WHEEL],
    "demo": [PYTHON, "manage.py", "demo", "--check"],
    "demo, wheel": ["env", "SYNCAPP_POSTGRES=wheel", PYTHON, "manage.py", "demo", "--check"],
}


@dataclass(frozen=True)
class Result:
    name: str
    exit_code: int
    seconds: float

    def __str__(self) -> str:
        verdict = "ok    " if self.exit_code == 0 else "FAILED"
        return f"{verdict}  {self.name:<14} {self.seconds:7.1f} s"


def main(arguments: Sequence[str]) -> int:
    """The exit code: 0 when every step passed."""
    try:
        if arguments:
            return _run([PYTHON, "-m", "pytest", *arguments])
        return _run_all()
    except KeyboardInterrupt:
        print("\nStopped.")
        return 130


def _run_all() -> int:
    results = [_run_step(name, command) for name, command in STEPS.items()]
    failed = [result.name for result in results if result.exit_code != 0]
    print("\n" + "\n".join(str(result) for result in results))
    print(f"\nFailed: {', '.join(failed)}" if failed else "\nAll passed.", flush=True)
    return 1 if failed else 0


def _run_step(name: str, command: Sequence[str]) -> Result:
    print(f"\n── {name}", flush=True)
    began = time.monotonic()
    exit_code = _run(command)
    result = Result(name, exit_code, time.monotonic() - began)
    print(result, flush=True)
    return result


def _run(command: Sequence[str]) -> int:
    return subprocess.run(command, cwd=CHECKOUT, check=False).returncode
