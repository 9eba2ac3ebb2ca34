"""Starting, stopping, keeping data between starts, and the command."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx
import orjson
import pytest

from connectors.simulators import SimulatorFailed, start

from .conftest import API_KEY, Place, basic

ROOT = Path(__file__).resolve().parents[3]


@contextmanager
def taken_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        yield taken.getsockname()[1]


def test_the_same_seed_gives_the_same_ids() -> None:
    with start("campaign_monitor", seed="one") as first, start("campaign_monitor", seed="one") as again:
        assert first.state()["lists"].keys() == again.state()["lists"].keys()
        with start("campaign_monitor", seed="two") as other:
            assert not first.state()["lists"].keys() & other.state()["lists"].keys()


def test_data_of_the_caller() -> None:
    data = {"clients": [{"name": "Ann", "lists": [{"title": "News", "id": "ab" * 16}]}]}
    with start("campaign_monitor", api_key=API_KEY, data=data) as running:
        answer = httpx.get(f"{running.base_url}lists/{'ab' * 16}.json", headers=basic(API_KEY))
        assert answer.json()["Title"] == "News"
        with pytest.raises(SimulatorFailed, match="Not a seed"):
            running.seed({"customers": []})


def test_a_taken_port_is_named() -> None:
    with taken_port() as port, pytest.raises(SimulatorFailed, match=f"Port {port} cannot be used: .*in use"):
        start("campaign_monitor", port=port)


def test_an_unknown_simulator() -> None:
    with pytest.raises(SimulatorFailed, match="No simulator of 'pigeon'; there are: campaign_monitor"):
        start("pigeon")


def test_a_state_file_keeps_everything(tmp_path: Path) -> None:
    file = tmp_path / "state.json"
    with start("campaign_monitor", state_file=file, api_key=API_KEY) as running:
        list_id = next(iter(running.state()["lists"]))
        row = {"EmailAddress": "new@example.com", "ConsentToTrack": "No"}
        path = f"{running.base_url}subscribers/{list_id}/import.json"
        answer = httpx.post(path, headers=basic(API_KEY), json={"Subscribers": [row]})
        assert answer.status_code == 201
        before = running.state()
    with start("campaign_monitor", state_file=file, api_key=API_KEY) as running:
        assert running.restored
        assert running.state() == before
        assert running.state()["lists"][list_id]["subscribers"]["new@example.com"]["state"] == "Active"
    assert [entry.name for entry in tmp_path.iterdir()] == ["state.json"]


def test_a_killed_simulator_keeps_what_it_saved(tmp_path: Path) -> None:
    file = tmp_path / "state.json"
    running = start("campaign_monitor", state_file=file)
    for _ in range(100):
        if file.exists():
            break
        time.sleep(0.05)
    running.process.kill()
    running.stop()
    assert orjson.loads(file.read_bytes())["lists"]


def test_a_broken_state_file_is_named_and_kept(tmp_path: Path) -> None:
    for content in (b"{", b"[]", b'{"seed": 7}'):
        file = tmp_path / "state.json"
        file.write_bytes(content)
        with pytest.raises(SimulatorFailed, match=r"State file .*state\.json"):
            start("campaign_monitor", state_file=file)
        assert file.read_bytes() == content


def test_it_ends_with_its_starter() -> None:
    code = (
        "from connectors.simulators import start\n"
        "running = start('campaign_monitor')\n"
        "print(running.process.pid, flush=True)\n"
        "import os, signal\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    starter = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=False)
    child = int(starter.stdout)
    for _ in range(100):
        try:
            os.kill(child, 0)
        except ProcessLookupError:
            return
        if Path(f"/proc/{child}/stat").read_text().split()[2] == "Z":
            return
        time.sleep(0.05)
    pytest.fail("The simulator outlived the process that started it.")


def test_many_connections_at_once_lose_nothing(place: Place) -> None:
    def send(batch: int) -> int:
        rows = [{"EmailAddress": f"p{batch}-{n}@example.com", "Name": "P"} for n in range(200)]
        return int(place.send_import(*rows).json()["TotalNewSubscribers"])

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(send, range(24))) == 24 * 200
    assert len(place.running.subscribers(place.list_id)) == 24 * 200
    assert place.running.counters()["subscribers.import"]["effects"] == 24 * 200


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_command_serves_until_it_is_told_to_stop(number: signal.Signals, tmp_path: Path) -> None:
    command = [sys.executable, "manage.py", "simulate", "campaign_monitor", "--port", "0"]
    command += ["--state", str(tmp_path / "state.json"), "--latency-ms", "1"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        page = process.stdout.readline().split()[1]
        base_url = process.stdout.readline().split()[2]
        assert httpx.get(page).status_code == 200
        assert httpx.get(f"{base_url}clients.json").status_code == 401
        process.send_signal(number)
        assert process.wait(10) == 0
    assert (tmp_path / "state.json").exists()


def test_the_command_names_a_taken_port() -> None:
    with taken_port() as port:
        command = [sys.executable, "manage.py", "simulate", "campaign_monitor", "--port", str(port)]
        ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert f"Port {port} cannot be used" in ended.stderr
    assert "Traceback" not in ended.stderr
