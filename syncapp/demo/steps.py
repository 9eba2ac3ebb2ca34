"""The demo's steps: each named, timed and printed; a failing one says which it was."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from syncapp.demo.children import STEP_S, Child

Say = Callable[[str], None]


class StepFailed(Exception):
    """Why, in words for people; `name` is the step's."""

    def __init__(self, words: str, name: str = "") -> None:
        super().__init__(words)
        self.name = name


@dataclass
class Steps:
    say: Say
    check: Callable[[], None] = lambda: None  # raises where the steps are to end here
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        self.check()
        began = time.monotonic()
        try:
            yield
        except StepFailed as failure:
            failure.name = name
            raise
        self.seconds[name] = time.monotonic() - began
        self.say(f"  {name:<10} {self.seconds[name]:6.2f} s")


def wait_for(child: Child, timeout_s: float, what: str, is_done: Callable[[], bool]) -> None:
    """Until it is done. Raises StepFailed with the end of the child's log when it ends or takes too long."""
    deadline = time.monotonic() + timeout_s
    while not is_done():
        if child.exit_code is not None:
            raise StepFailed(with_log(f"The {child.name} ended with exit code {child.exit_code}.", child))
        if time.monotonic() > deadline:
            raise StepFailed(with_log(f"{what} took longer than {timeout_s:.0f} s.", child))
        time.sleep(STEP_S)


def with_log(words: str, child: Child) -> str:
    tail = child.tail()
    return f"{words}\nThe end of {child.log}:\n{tail}" if tail else f"{words} {child.log} is empty."
