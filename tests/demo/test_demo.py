"""`manage.py demo`, as a process: what a person sees, and what is left when it ends."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

from syncapp.demo.ports import any_free
from tests.demo.started import command, demo, environment, processes_of, wait_until_gone

READY = "Ctrl-C stops all of it"
KEY = r"Bearer (ak_live_\w+)"
WEB = r"Application +(http\S+)"
SIMULATOR = r"Simulated ESP +(http\S+)"


def status_of(url: str, key: str = "") -> int:
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    with urlopen(Request(url, headers=headers), timeout=20) as response:  # noqa: S310
        return int(response.status)


@pytest.mark.worker
def test_a_demo_from_its_first_start_to_its_reset(home: Path) -> None:
    port = any_free()
    with (
        socket.create_server(("127.0.0.1", port)),
        demo(home, "--port", str(port), "--simulator-port", "0") as first,
    ):
        first.wait_for(READY)
        key, web = first.found(KEY), first.found(WEB)
        assert f"Port {port} is taken; the application uses " in first.said
        assert f":{port}/" not in web
        assert status_of(f"{web}accounts/login/") == 200
        assert status_of(f"{web}static/syncapp/shell.css") == 200
        assert status_of(first.found(SIMULATOR)) == 200
        assert status_of(f"{web}api/v1/audiences/newsletter", key) == 200
        check_documentation(web)
        check_refusal_of_a_second_one(home, web)
        assert first.end(signal.SIGINT) == 0
    assert processes_of(home) == {}

    with demo(home, "--port", "0", "--simulator-port", "0") as second:
        second.wait_for(READY)
        assert second.found(KEY) == key
        assert status_of(f"{second.found(WEB)}api/v1/audiences/newsletter", key) == 200
        second.process.kill()
        second.process.wait()
        wait_until_gone(home)

    with demo(home, "--reset", "--port", "0", "--simulator-port", "0") as third:
        third.wait_for("database")
        assert third.end(signal.SIGTERM) == 0
    assert not (home / "demo_api_key").exists()
    assert processes_of(home) == {}


def check_documentation(web: str) -> None:
    """Its key is filled in and may do everything; what its examples are about is there."""
    with urlopen(f"{web}api/docs/audiences", timeout=20) as page:  # noqa: S310
        shown = re.search(r'data-demo="(ak_live_\w+)"', page.read().decode())
    assert shown is not None
    for path in ("audiences/vip-2024", "audiences/vip-2024/members/c-1", "contacts/c-1", "jobs", "webhooks"):
        assert status_of(f"{web}api/v1/{path}", shown[1]) == 200, path


def check_refusal_of_a_second_one(home: Path, web: str) -> None:
    second = subprocess.run(
        command("--port", "0"), env=environment(home), capture_output=True, text=True, timeout=60, check=False
    )
    assert second.returncode == 1
    assert f"A demo is running on this data already. It is at {web}" in second.stderr


@pytest.mark.worker
def test_the_check_pushes_a_person_and_sees_them_arrive(home: Path) -> None:
    checked = subprocess.run(
        command("--check"), env=environment(home), capture_output=True, text=True, timeout=170, check=False
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr
    steps = [line.split()[0] for line in checked.stdout.splitlines() if line.endswith(" s")]
    assert steps == [
        "simulator",
        "database",
        "migrate",
        "seed",
        "worker",
        "web",
        "calls",
        "first",
        "push",
        "arrival",
        "stop",
    ]


def test_a_check_that_fails_names_the_step(home: Path) -> None:
    nobody = "postgresql://nobody:secret@127.0.0.1:1/nothing"
    checked = subprocess.run(
        command("--check"),
        env=environment(home, DATABASE_URL=nobody),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert checked.returncode == 1
    assert "FAILED at “database”" in checked.stdout
    assert "secret" not in checked.stdout + checked.stderr


def test_a_simulator_that_cannot_start_is_named_with_its_last_words(home: Path) -> None:
    (home / "simulator.campaign_monitor.json").write_text("not JSON")
    ended = subprocess.run(
        command("--port", "0", "--simulator-port", "0"),
        env=environment(home),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 1
    assert "FAILED at “simulator”" in ended.stdout
    assert "Move it away to start over." in ended.stdout
    assert processes_of(home) == {}
