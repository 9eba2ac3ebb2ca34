"""The chaos runs in a shorter form, each in a process of its own. The long forms: `python -m tests.chaos`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest
from django.conf import settings

OURS = ("DATABASE_URL", "DATABASE_OWNER_URL", "REDIS_URL", "DJANGO_SETTINGS_MODULE")

pytestmark = [pytest.mark.worker, pytest.mark.timeout(400)]


def chaos(*arguments: str) -> dict[str, Any]:
    """The JSON of the last line."""
    environment = {name: value for name, value in os.environ.items() if name not in OURS}
    ended = subprocess.run(
        [sys.executable, "-m", "tests.chaos", *arguments],
        cwd=settings.BASE_DIR,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=380,
    )
    lines = ended.stdout.splitlines()
    assert lines, ended.stderr[-4000:]
    figures: dict[str, Any] = json.loads(lines[-1])
    sys.stderr.write(ended.stderr[-4000:])  # pytest shows it where the test fails
    return figures


def assert_clean(figures: dict[str, Any]) -> None:
    wrong = ("lost", "doubled", "stuck", "differing", "conservation")
    assert {name: figures[name] for name in wrong} == dict.fromkeys(wrong, 0), figures


def test_kill_anything_and_the_esp_holds_what_was_pushed():
    figures = chaos("kill", "--people", "300", "--kills", "12", "--restarts", "2")
    assert_clean(figures)
    assert (figures["kills"], figures["restarts"]) == (12, 2)


def test_a_worker_may_die_at_every_point_of_every_operation():
    figures = chaos("points")
    assert figures["failed"] == []
    assert figures["converged"] == figures["cells"] >= 42
    assert_clean(figures)


def test_a_host_that_is_cut_off_harms_nobody():
    figures = chaos("hosts", "--accounts", "6", "--people", "36", "--groups")
    assert_clean(figures)
    assert figures["wake_ups_held_when_cut_off"] >= 1
