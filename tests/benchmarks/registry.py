"""How a benchmark says what it is, and what it gives back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Measured:
    """`ratio` to the raw limit; `table` rows for people, headings first; `figures` for the JSON line."""

    ratio: float
    table: Sequence[Sequence[object]]
    figures: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Benchmark:
    """`at_least` False: the ratio is to stay under the goal."""

    run: Callable[[int], Measured]
    goal: float
    scale: int
    at_least: bool = True

    def reached_by(self, ratio: float) -> bool:
        return ratio >= self.goal if self.at_least else ratio <= self.goal


def benchmark(
    *, goal: float, scale: int, at_least: bool = True
) -> Callable[[Callable[[int], Measured]], Benchmark]:
    """Mark the `run` of a module; `scale` is used when the command names none."""
    return lambda run: Benchmark(run, goal, scale, at_least)
