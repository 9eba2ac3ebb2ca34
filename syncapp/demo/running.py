"""`manage.py demo` and `manage.py demo --check`, from the first step to the last stop."""

from __future__ import annotations

import time
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import psycopg

from syncapp.database import embedded
from syncapp.demo import home as kept
from syncapp.demo.arrival import push_somebody, wait_for_arrival
from syncapp.demo.ports import any_free, choose
from syncapp.demo.progress import wait_until_idle
from syncapp.demo.signals import Signals, Stopped, caught
from syncapp.demo.stack import Stack, children_environment
from syncapp.demo.steps import Say, StepFailed, Steps
from syncapp.demo.temporary import temporary_database, temporary_home
from syncapp.demo.words import announcement

WATCH_S = 0.3
FIRST_SYNC_TIMEOUT_S = 120.0
LEAVE_TIMEOUT_S = 2.0
OTHERS = """
SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()
"""


def run_demo(home: Path, web_port: int, simulator_port: int, say: Say, *, reset: bool) -> int:
    """Run until somebody stops it. The exit code: 1 when a step failed or a process ended by itself."""
    with caught() as signals, kept.claimed(home):
        stack: Stack | None = None
        try:
            if reset:
                start_over(home)
            web, simulator = choose_ports(web_port, simulator_port, say)
            stack = Stack(home, children_environment(), web, simulator, Steps(say, signals.check))
            stack.start()
            kept.note(home, f"It is at {stack.web_url}")
            key = kept.kept_key(home)
            say(announcement(stack.web_url, stack.simulator_url, stack.logs, key, datetime.now(UTC)))
            watch(stack, signals)
        except Stopped:
            return 0
        except (StepFailed, embedded.EmbeddedServerError) as failure:
            say(failed(failure))
            return 1
        finally:
            signals.begin_stop()
            if stack is not None:
                finish(stack, signals, say)
    return 0


def run_check(say: Say) -> int:
    """Start all of it apart from any other demo, push a person, see them arrive, stop. The exit code."""
    began = time.monotonic()
    steps = Steps(say)
    try:
        with caught() as signals, ExitStack() as temporary:
            # Without Redis: a running worker's queue there is not ours to mix with.
            environment = children_environment(REDIS_URL="")
            home = temporary.enter_context(temporary_home())
            environment |= temporary.enter_context(temporary_database(environment))
            web = any_free()
            stack = Stack(home, environment, web, choose(0, frozenset({web})), steps)
            try:
                stack.start()
                prove(stack, steps)
            finally:
                signals.begin_stop()
                with steps.step("stop"):
                    stack.stop(signals.hurry)
    except Stopped:
        say("Stopped.")
        return 130
    except (StepFailed, embedded.EmbeddedServerError) as failure:
        say(failed(failure))
        return 1
    say(f"All of it works. {time.monotonic() - began:.1f} s in all.")
    return 0


def prove(stack: Stack, steps: Steps) -> None:
    worker = next(child for child in stack.children if child.name == "worker")
    with steps.step("first sync"):
        wait_until_idle(stack.dsn, worker, FIRST_SYNC_TIMEOUT_S)
    with steps.step("push"):
        email = push_somebody(stack.web_url, kept.kept_key(stack.home))
    with steps.step("arrival"):
        wait_for_arrival(stack.simulator_url, email, worker)


def start_over(home: Path) -> None:
    """Drop the database, the simulator's state and the key. A server of somebody else's is left alone."""
    if children_environment().get("DATABASE_URL", "").strip():
        raise StepFailed(
            "--reset drops the embedded database only. Empty the one of DATABASE_URL yourself.", "reset"
        )
    embedded.reset_database(home)
    kept.forget(home)


def choose_ports(web_wanted: int, simulator_wanted: int, say: Say) -> tuple[int, int]:
    web = choose(web_wanted)
    simulator = choose(simulator_wanted, frozenset({web}))
    for wanted, chosen, what in (
        (web_wanted, web, "application"),
        (simulator_wanted, simulator, "simulator"),
    ):
        if wanted not in (0, chosen):
            say(f"  Port {wanted} is taken; the {what} uses {chosen}.")
    return web, simulator


def watch(stack: Stack, signals: Signals) -> None:
    while True:
        signals.check()
        stack.check_alive()
        time.sleep(WATCH_S)


def finish(stack: Stack, signals: Signals, say: Say) -> None:
    say("Stopping …")
    killed = stack.stop(signals.hurry)
    if killed:
        say(f"Had to be killed: {', '.join(killed)}.")
    if stack.is_embedded:
        stop_database(stack.home, say)
    say("Stopped. The data stay.")


def stop_database(home: Path, say: Say) -> None:
    """Stop the embedded server unless a developer's shell or tests use it too; whoever needs it starts it again."""
    if others_connected(home):
        say("PostgreSQL keeps running: somebody else uses it.")
    else:
        embedded.stop(home)


def others_connected(home: Path) -> bool:
    deadline = time.monotonic() + LEAVE_TIMEOUT_S
    try:
        dsn = embedded.ensure_running(home).dsn("bootstrap", "postgres")
        with psycopg.connect(dsn, autocommit=True) as connection:
            while connection.execute(OTHERS).fetchone() != (0,):  # our children's may still be closing
                if time.monotonic() > deadline:
                    return True
                time.sleep(0.05)
    except (psycopg.OperationalError, embedded.EmbeddedServerError):
        return False
    return False


def failed(failure: Exception) -> str:
    name = failure.name if isinstance(failure, StepFailed) else "database"
    return f"\nFAILED at “{name}”: {failure}\n"
