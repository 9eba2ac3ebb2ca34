"""The whole check: every step runs, and a failing one decides."""

import sys

import pytest

from syncapp import verify

PASS = [sys.executable, "-c", "print('fine')"]
FAIL = [sys.executable, "-c", "raise SystemExit(3)"]


def test_a_failing_step_is_named_and_the_others_still_run(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(verify, "STEPS", {"first": FAIL, "second": PASS, "third": FAIL})
    assert verify.main([]) == 1
    shown = capfd.readouterr().out
    assert "fine" in shown
    assert shown.rstrip().endswith("Failed: first, third")


def test_all_passed(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(verify, "STEPS", {"only": PASS})
    assert verify.main([]) == 0
    assert "All passed." in capfd.readouterr().out


def test_arguments_go_to_pytest_alone(capfd: pytest.CaptureFixture[str]) -> None:
    assert verify.main(["--version"]) == 0
    shown = capfd.readouterr()
    assert shown.out.startswith("pytest ")
    assert "ruff" not in shown.out
