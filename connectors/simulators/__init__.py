"""Real HTTP servers that behave like the ESPs, for the demo, the tests and the benchmarks.

Plain Python: no Django. Everything under /control/ belongs to us, everything else to the ESP.
"""

from .process import Running, SimulatorFailed, start

__all__ = ["Running", "SimulatorFailed", "start"]
