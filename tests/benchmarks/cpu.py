"""Processor time by side: what a rate on a shared machine cannot tell. Linux, with the server on this host."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path

from django.db import connection

TICKS_PER_S = os.sysconf("SC_CLK_TCK")
PROC = Path("/proc")


def sides(simulator_pid: int) -> dict[str, float]:
    """Seconds so far of this process, of the simulator and of all of PostgreSQL."""
    return {
        "python": time.process_time(),
        "simulator": of_process(simulator_pid),
        "postgresql": of_server(),
    }


def per_thousand(before: Mapping[str, float], after: Mapping[str, float], people: int) -> dict[str, float]:
    """Milliseconds per 1,000 people."""
    return {f"{side}_cpu_ms": round((after[side] - before[side]) * 1e6 / people, 1) for side in before}


def of_process(pid: int, *, with_ended_children: bool = False) -> float:
    """0 for a process that has ended: its parent counts it then."""
    times = fields(pid)[11:15]  # utime, stime, and both of the children that ended
    return sum(map(int, times if with_ended_children else times[:2])) / TICKS_PER_S


def of_server() -> float:
    connection.ensure_connection()
    server = parent(connection.connection.info.backend_pid)
    children = [pid for pid in map(int, filter(str.isdecimal, os.listdir(PROC))) if parent(pid) == server]
    return of_process(server, with_ended_children=True) + sum(map(of_process, children))


def parent(pid: int) -> int:
    return int(fields(pid)[1])


def fields(pid: int) -> list[str]:
    """Those of /proc/PID/stat from the third on (the second is a name and may hold anything); 0 for an ended one."""
    try:
        return (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return ["0"] * 15
