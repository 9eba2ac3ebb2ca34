"""The processes of a demo: started in order, watched, stopped in the opposite order."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

import orjson

from syncapp import web
from syncapp.database import embedded
from syncapp.demo import home as kept
from syncapp.demo.calling import make_calls
from syncapp.demo.children import Child, stop_all
from syncapp.demo.ports import ADDRESS
from syncapp.demo.progress import wait_for_worker
from syncapp.demo.steps import StepFailed, Steps, wait_for, with_log

COMMAND_TIMEOUT_S = 180.0
START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 12.0
SIMULATED = "campaign_monitor"
SIGN_IN_PATH = "/accounts/login/"


class Stack:
    """Everything of one demo. `environment` is the children's; with a DATABASE_URL in it, no server is started."""

    def __init__(
        self, home: Path, environment: Mapping[str, str], web_port: int, simulator_port: int, steps: Steps
    ) -> None:
        self.home = home = home.resolve()  # the children run in another folder
        self.web_port, self.simulator_port = web_port, simulator_port
        self.steps = steps
        self.children: list[Child] = []
        self.logs = kept.make_logs(home)
        self.simulator_url = f"http://localhost:{simulator_port}/"
        self.web_url = f"http://localhost:{web_port}/"
        self.environment = {
            **environment,
            "SYNCAPP_HOME": str(home),
            "SYNCAPP_DEBUG": "no",
            "SYNCAPP_HTTPS": "no",  # or nobody could sign in at http://localhost
            "SYNCAPP_URL": self.web_url,
            "SYNCAPP_API_DEMO_KEY_FILE": str(home / kept.DOCS_KEY_FILE),
            "SYNCAPP_EGRESS_LOOPBACK": "yes",  # a webhook's receiver is tried out on this machine
            "DJANGO_SETTINGS_MODULE": "syncapp.settings",
            "PYTHONUNBUFFERED": "1",
        }

    @property
    def is_embedded(self) -> bool:
        return not self.environment.get("DATABASE_URL", "").strip()

    @property
    def dsn(self) -> str:
        """The application's own way into the database."""
        return (
            embedded.ensure_running(self.home).dsn() if self.is_embedded else self.environment["DATABASE_URL"]
        )

    def start(self) -> None:
        """Start all of it. Raises StepFailed; what was started by then is for `stop`."""
        with self.steps.step("simulator"):
            self.start_simulator()
        with self.steps.step("database"):
            self.start_database()
        with self.steps.step("migrate"):
            self.run_command("migrate", "--verbosity", "0")
        with self.steps.step("seed"):
            self.run_command("seed", "--simulator", self.simulator_url)
        worker = self.manage("worker", "work")
        server = self.start_web()
        with self.steps.step("worker"):
            wait_for_worker(self.dsn, worker, START_TIMEOUT_S)
        with self.steps.step("web"):
            wait_for(server, START_TIMEOUT_S, "Starting the web server", self.answers)
        with self.steps.step("calls"):
            make_calls(self.web_url, self.home)

    def start_database(self) -> None:
        if not self.is_embedded:
            return
        try:
            embedded.ensure_running(self.home)
        except embedded.EmbeddedServerError as error:
            raise StepFailed(str(error)) from error

    def start_simulator(self) -> None:
        options = ["--port", str(self.simulator_port), "--empty", "--state", str(self.home / kept.STATE_FILE)]
        simulator = self.spawn(
            "simulator", [sys.executable, "-m", "connectors.simulators", SIMULATED, *options]
        )
        wait_for(simulator, START_TIMEOUT_S, "Starting the simulator", simulator.has_announced)
        started = orjson.loads(simulator.first_line())
        self.environment["SYNCAPP_ESP_URLS"] = f"{SIMULATED}={started['base_url']}"

    def start_web(self) -> Child:
        bind = f"{ADDRESS}:{self.web_port}"
        return self.spawn("web", [sys.executable, "-m", "gunicorn", *web.ARGUMENTS, "--bind", bind])

    def answers(self) -> bool:
        """Whether the sign-in page comes; it needs the database."""
        try:
            with urlopen(f"http://{ADDRESS}:{self.web_port}{SIGN_IN_PATH}", timeout=5) as response:
                return bool(response.status == 200)
        except HTTPError as error:
            with error:
                raise StepFailed(f"{SIGN_IN_PATH} answered {error.code}.") from None
        except (URLError, OSError):
            return False

    def run_command(self, *words: str) -> None:
        """Run a command of manage.py to its end."""
        child = self.manage(words[0], *words)
        wait_for(child, COMMAND_TIMEOUT_S, f"“manage.py {words[0]}”", lambda: child.exit_code == 0)
        self.children.remove(child)
        child.end_group()

    def manage(self, name: str, *words: str) -> Child:
        return self.spawn(name, [sys.executable, "manage.py", *words])

    def spawn(self, name: str, command: Sequence[str]) -> Child:
        child = Child(name, command, self.environment, self.logs)
        self.children.append(child)
        return child

    def check_alive(self) -> None:
        """Raises StepFailed naming a child that ended by itself."""
        for child in self.children:
            if child.exit_code is not None:
                words = with_log(f"The {child.name} ended by itself with exit code {child.exit_code}.", child)
                raise StepFailed(words, child.name)

    def stop(self, hurry: Callable[[], bool] = lambda: False) -> list[str]:
        """Stop all of it; the simulator and the database last, for the others use them until they end.

        Returns the names of those that had to be killed.
        """
        users = [child for child in self.children if child.name != "simulator"]
        killed = stop_all(users, STOP_TIMEOUT_S, hurry)
        killed += stop_all(
            [child for child in self.children if child.name == "simulator"], STOP_TIMEOUT_S, hurry
        )
        self.children.clear()
        return killed


def children_environment(**changes: str) -> dict[str, str]:
    """Our own environment, with this Python first on the path."""
    path = os.environ.get("PATH", os.defpath)
    return {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{path}", **changes}
