"""How far a run is, and how long it will take at the rate measured so far."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone

from connectors.models import Run

LEAST_SHARE = 0.01  # below, a rate says more about the start than about the run
LEAST_S = 3.0


@dataclass(frozen=True, slots=True)
class Progress:
    """`done` of `total` people answered for; None where too little happened to tell."""

    phase: str
    done: int
    total: int
    percent: int
    rate_per_s: float | None = None
    eta_s: float | None = None


def progress(run: Run, now: datetime | None = None) -> Progress:
    total = people_with_work(run)
    left = run.waiting + run.removal_waiting
    done = total - left
    percent = 100 * done // total if total else (0 if run.is_open else 100)
    if run.state not in (Run.State.RUNNING, Run.State.CANCELLING) or run.started_at is None:
        return Progress(phase(run), done, total, percent)
    took_s = ((now or timezone.now()) - run.started_at).total_seconds()
    if took_s < LEAST_S or done < max(1, LEAST_SHARE * total):
        return Progress(phase(run), done, total, percent)
    rate = done / took_s
    return Progress(phase(run), done, total, percent, rate, left / rate)


def people_with_work(run: Run) -> int:
    """People something had to be sent for."""
    return run.created + run.updated + run.rejected + run.dead + run.waiting + run.removals


def phase(run: Run) -> str:
    """What it is at, in words."""
    if run.state == Run.State.RUNNING:
        return "Taking people off" if run.removal_waiting else "Sending"
    return str(run.get_state_display())
