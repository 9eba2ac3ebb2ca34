"""The simulators there are: one line for each ESP."""

from __future__ import annotations

from collections.abc import Callable

from . import campaign_monitor
from .exchange import Simulator

# key → maker(api_key, seed, with_demo_data)
SIMULATORS: dict[str, Callable[[str, str, bool], Simulator]] = {
    "campaign_monitor": campaign_monitor.make,
}
