"""Starts a simulator as a process of its own, so that it never shares a core's lock with the caller."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import orjson

START_TIMEOUT_S = 20.0
STOP_TIMEOUT_S = 10.0
ROOT = Path(__file__).resolve().parents[2]


class SimulatorFailed(Exception):
    """It did not start, or refused a control call; the text is its own."""


class Running:
    """A simulator that listens. Its end comes with stop(), with `with`, or with our own process."""

    def __init__(self, process: subprocess.Popen[bytes], started: Mapping[str, Any]) -> None:
        self.process = process
        self.page_url: str = started["page_url"]
        self.base_url: str = started["base_url"]
        self.restored: bool = started["restored"]
        self.control_url = f"{self.page_url}control/"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """End it; its state file, if any, then holds everything it has answered."""
        if self.process.stdin is not None and not self.process.stdin.closed:
            self.process.stdin.close()
        self.process.terminate()
        try:
            self.process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()

    def control(self, method: str, path: str, data: Mapping[str, Any] | None = None) -> Any:
        """One control call; `path` is below /control/."""
        request = urllib.request.Request(  # noqa: S310  our own loopback address
            self.control_url + path,
            method=method,
            data=None if method == "GET" else orjson.dumps(dict(data or {})),
            headers={"Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as response:  # noqa: S310
                return orjson.loads(response.read())
        except urllib.error.HTTPError as error:
            with error:
                raise SimulatorFailed(orjson.loads(error.read())["error"]) from None

    def counters(self) -> dict[str, dict[str, int]]:
        """{operation: {"requests", "rows", "accepted", "refused", "effects", "status_201", …}}."""
        counts: dict[str, dict[str, int]] = self.control("GET", "counters")
        return counts

    def clear_counters(self) -> None:
        self.control("DELETE", "counters")

    def addresses(self, list_id: str) -> dict[str, dict[str, int]]:
        """{address in lower case: {"receipts", "effects"}} of every write to the list."""
        counts: dict[str, dict[str, int]] = self.control("GET", f"addresses/{quote(list_id)}")
        return counts

    def journals(self, list_id: str) -> dict[str, list[str]]:
        """{address in lower case: ["added", "updated:9f3a…", "unsubscribed:…", "renamed_away:<new address>", …]}.

        Effects of writes through the API, in their order; not what people and the ESP do themselves. What
        follows the colon stands for all that the list holds of the person after it.
        """
        found: dict[str, list[str]] = self.control("GET", f"journals/{quote(list_id)}")
        return found

    def doubled(self, list_id: str) -> dict[str, list[str]]:
        """The journals that hold an entry twice: an effect made again, or undone by an old request and redone."""
        return {
            address: entries
            for address, entries in self.journals(list_id).items()
            if len(set(entries)) < len(entries)
        }

    def calls(self) -> list[dict[str, Any]]:
        """The last 200 calls, newest first."""
        calls: list[dict[str, Any]] = self.control("GET", "calls")
        return calls

    def faults(self, faults: Sequence[Mapping[str, Any]], *, replace: bool = False) -> None:
        """Add faults (see `faults.Fault` for what each may hold)."""
        self.control("POST", "faults", {"faults": [dict(fault) for fault in faults], "replace": replace})

    def clear_faults(self) -> None:
        self.control("DELETE", "faults")

    def latency(self, ms: float, match: str = "*") -> None:
        self.control("POST", "latency", {"ms": ms, "match": match})

    def rate_limit(self, requests: int | None, seconds: float = 1.0, **options: Any) -> None:
        """At most so many requests per so many seconds, counted from now on; None lifts it.

        `options`: `key` (the credentials it holds for, instead of all that have none of their own), `window`
        ("sliding" or "fixed"), `headers` (X-RateLimit-Limit, -Remaining, -Reset) and `retry_after`, both True.
        """
        limit = {} if requests is None else {"requests": requests, "seconds": seconds}
        self.control("POST", "rate-limit", {**limit, **options})

    def rate(self, key: str = "") -> dict[str, Any]:
        """What came of a limit since it was set: {"asked", "passed", "limited", "most_asked", "most_passed",
        "lasted_s", "requests", "seconds", …}.

        `most_…`: the highest number in any `seconds`; `most_asked` above `requests` is an overshoot.
        """
        limits: list[dict[str, Any]] = self.control("GET", "rate-limit")
        return next(limit for limit in limits if limit["key"] == key)

    def knobs(self, **values: Any) -> dict[str, Any]:
        """Change what the ESP's documentation leaves open; gives all of them."""
        knobs: dict[str, Any] = self.control("POST", "knobs", values)
        return knobs

    def seed(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """Add clients, lists, fields and subscribers; gives {"clients": [{"id", "lists": [{"id"}]}]}."""
        made: dict[str, Any] = self.control("POST", "seed", data)
        return made

    def reset(self, *, demo_data: bool = False) -> None:
        """As just started: no data but the demo's if asked for, no faults, knobs and counters as new."""
        self.control("POST", "reset", {"demo_data": demo_data})

    def state(self) -> dict[str, Any]:
        state: dict[str, Any] = self.control("GET", "state")
        return state

    def subscribers(self, list_id: str) -> list[dict[str, Any]]:
        """All of a list, ordered by address: {"email", "name", "state", "fields", "changed", …}."""
        found: list[dict[str, Any]] = self.control("GET", f"lists/{quote(list_id)}/subscribers?limit=0")[
            "subscribers"
        ]
        return found

    def act(self, action: str, **data: Any) -> Any:
        """What a person or the ESP itself does: `unsubscribe`, `bounce`, `complain`, `confirm`, …"""
        return self.control("POST", f"acts/{action}", data)


def start(
    key: str,
    *,
    port: int = 0,
    latency_ms: float = 0,
    api_key: str = "demo-account-key",
    seed: str = "demo",
    data: Mapping[str, Any] | None = None,
    demo_data: bool = True,
    state_file: Path | str | None = None,
) -> Running:
    """Start the simulator of an ESP and wait until it listens. Raises SimulatorFailed.

    `seed` makes the ids: the same seed and the same creations give the same ids. `data` (as for
    Running.seed) replaces the demo's data; a state file that exists replaces both.
    """
    command = [sys.executable, "-m", "connectors.simulators", key, "--until-input-closes"]
    command += ["--port", str(port), "--latency-ms", str(latency_ms), "--api-key", api_key, "--seed", seed]
    if data is not None or not demo_data:
        command.append("--empty")
    if state_file is not None:
        command += ["--state", str(Path(state_file).resolve())]
    running = launch(command)
    if data is not None and not running.restored:
        running.seed(data)
    return running


def launch(command: list[str]) -> Running:
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors
        )
        assert process.stdout is not None  # noqa: S101  asked for above
        line = process.stdout.readline()
        if line:
            return Running(process, orjson.loads(line))
        process.wait(START_TIMEOUT_S)
        process.stdout.close()
        if process.stdin is not None:
            process.stdin.close()
        errors.seek(0)
        raise SimulatorFailed(
            errors.read().decode(errors="replace").strip() or "The simulator did not start."
        )
