"""Worker hosts: each in a network namespace of its own, or, where that is not allowed, a group of processes.

A namespace is cut off by taking its link down: nobody hears of it, connections just go silent. A group is stopped
in the middle of whatever it does (SIGSTOP). Both go on later as if nothing had been.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import urlsplit

from tests.chaos.storm import start_worker
from tests.work.process import WorkerProcess


class Host(Protocol):
    """A place where one `manage.py work` runs."""

    worker: WorkerProcess

    def cut_off(self) -> None:
        """Nothing it does reaches anybody any more."""

    def mend(self) -> None:
        """It goes on."""


@dataclass
class Namespace:
    worker: WorkerProcess
    link: str

    def cut_off(self) -> None:
        ip("link", "set", self.link, "down")

    def mend(self) -> None:
        ip("link", "set", self.link, "up")


@dataclass
class Group:
    worker: WorkerProcess

    def cut_off(self) -> None:
        self._signal(signal.SIGSTOP)

    def mend(self) -> None:
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        for pid in (self.worker.pid, *self.worker.group()):
            with suppress(ProcessLookupError):
                os.kill(pid, number)


@dataclass
class Network:
    """`kind`: "network namespaces" or "process groups". `esp_url`: where hosts reach the ESP."""

    kind: str
    esp_url: str
    name: str = ""
    database_url: str = ""

    @contextmanager
    def hosts(self, number: int, processes: int) -> Iterator[list[Host]]:
        """So many hosts, up and running."""
        with ExitStack() as stack:
            found = [self._start(place, processes, stack) for place in range(number)]
            for host in found:
                host.worker.wait_until_up(size=3 + processes)
            yield found

    def _start(self, place: int, processes: int, stack: ExitStack) -> Host:
        if not self.name:
            group = Group(start_worker(processes))
            stack.callback(group.worker.end)
            stack.callback(group.mend)
            return group
        name = f"{self.name}-{place}"
        within = ["ip", "netns", "exec", name]
        space = Namespace(start_worker(processes, within, DATABASE_URL=self.database_url), name)
        stack.callback(space.worker.end)
        stack.callback(space.mend)
        return space


@contextmanager
def network(hosts: int, esp_url: str, groups: bool = False) -> Iterator[Network]:
    """Namespaces for so many hosts on one bridge, with a way to the database and the ESP; else, or with `groups`, none.

    A browser on the same machine breaks off its loading whenever a network comes or goes.
    """
    with ExitStack() as stack:
        made = None if groups else make_namespaces(hosts, stack)
        if made is None:
            yield Network("process groups", esp_url)
            return
        name, address = made
        database, esp = urlsplit(os.environ["DATABASE_URL"]), urlsplit(esp_url)
        ports = start_relay(address, [int(database.port or 0), int(esp.port or 0)], stack)
        sign_in = database.netloc.rpartition("@")[0]
        yield Network(
            "network namespaces",
            esp._replace(netloc=f"{address}:{ports[1]}").geturl(),
            name,
            database._replace(netloc=f"{sign_in}@{address}:{ports[0]}").geturl(),
        )


def make_namespaces(hosts: int, stack: ExitStack) -> tuple[str, str] | None:
    """(name, address of the bridge); None where this is not allowed."""
    name, net = f"ch{os.getpid() % 100_000}", f"10.213.{os.getpid() % 250}"
    try:
        ip("link", "add", name, "type", "bridge")
        stack.callback(ip, "link", "del", name)
        ip("addr", "add", f"{net}.1/24", "dev", name)
        ip("link", "set", name, "up")
        for place in range(hosts):
            add_namespace(f"{name}-{place}", name, f"{net}.{place + 2}/24", stack)
    except (OSError, subprocess.CalledProcessError):
        stack.close()
        return None
    return name, f"{net}.1"


def add_namespace(name: str, bridge: str, address: str, stack: ExitStack) -> None:
    """One end of the link has the namespace's name and stays with us, the other is `eth0` in there."""
    ip("netns", "add", name)
    stack.callback(ip, "netns", "del", name)
    ip("link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", name)
    ip("link", "set", name, "master", bridge, "up")
    ip("-n", name, "addr", "add", address, "dev", "eth0")
    ip("-n", name, "link", "set", "eth0", "up")
    ip("-n", name, "link", "set", "lo", "up")


def start_relay(address: str, ports: Sequence[int], stack: ExitStack) -> list[int]:
    """The ports at which the namespaces reach ours."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.chaos.relay", address, *map(str, ports)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    stack.callback(process.wait, 10)
    stack.callback(process.terminate)
    assert process.stdout is not None
    told = json.loads(process.stdout.readline())
    return [told[str(port)] for port in ports]


def ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True)
