"""From a bare Python to the project's dependencies. The installation itself is run by every fresh clone."""

import subprocess
import sys
from pathlib import Path

import pytest

from syncapp import bootstrap

CHECKOUT = Path(__file__).resolve().parents[1]


def test_every_direct_dependency_is_pinned() -> None:
    pinned = bootstrap.pins()
    names = [bootstrap.package_name(line) for line in bootstrap.requirements(["dev"])]
    assert [name for name in names if name not in pinned] == []


def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap, "pins", lambda: {"pytest": "0.1", "nosuchpackage": "1"})
    missing = bootstrap.missing_packages(["pytest", "nosuchpackage", "nosuchtoo; sys_platform != 'win32'"])
    assert missing == [f"pytest 0.1 (has {pytest.__version__})", "nosuchpackage", "nosuchtoo"]


def test_this_environment_is_used_as_it_is() -> None:
    assert bootstrap.missing_packages(bootstrap.requirements(["dev"])) == []
    bootstrap.enter_environment("test")


def test_other_commands_install_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(bootstrap, "CHECKOUT_ENVIRONMENT", tmp_path / "absent")
    monkeypatch.setattr(bootstrap, "missing_packages", lambda wanted: ["django"])
    monkeypatch.setattr(bootstrap, "stamp_fits", lambda folder, extras: False)
    with pytest.raises(SystemExit, match=r"lacks django.*manage\.py demo"):
        bootstrap.enter_environment("migrate")
    assert not (tmp_path / "absent").exists()


def test_an_environment_that_does_not_help_is_not_entered_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap, "missing_packages", lambda wanted: ["django"])
    monkeypatch.setattr(bootstrap, "stamp_fits", lambda folder, extras: False)
    monkeypatch.setenv(bootstrap.ENTERED, sys.executable)
    with pytest.raises(SystemExit, match="still lacks packages: django"):
        bootstrap.enter_environment("demo")


def test_the_stamp_changes_with_the_versions(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    before = bootstrap.stamp([])
    constraints = tmp_path / "constraints.txt"
    constraints.write_text(bootstrap.CONSTRAINTS.read_text() + "other==1\n")
    monkeypatch.setattr(bootstrap, "CONSTRAINTS", constraints)
    assert bootstrap.stamp([]) != before


def test_the_bootstrap_needs_the_standard_library_only() -> None:
    program = "import syncapp.bootstrap, syncapp.verify"
    command = [sys.executable, "-S", "-c", program]
    subprocess.run(command, cwd=CHECKOUT, check=True)
