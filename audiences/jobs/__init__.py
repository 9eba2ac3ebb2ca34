"""What the API goes on with after its answer: queue a job, carry it out in slices, tell how it ended.

`queue` makes a job in the caller's transaction; `carries_out(kind)` registers who does that kind, a slice at a
time; `advance`, `add_errors` and `finish` keep its books: succeeded + failed + skipped = processed ≤ total.
"""

from audiences.jobs.books import ErrorRow, add_errors, advance, recount_errors
from audiences.jobs.deciding import AlreadyDecided, approve, refuse
from audiences.jobs.ending import KEPT, AlreadyOver, cancel, cancel_asked, finish
from audiences.jobs.queueing import queue
from audiences.jobs.registry import carries_out, leaves, when_over

__all__ = [
    "KEPT",
    "AlreadyDecided",
    "AlreadyOver",
    "ErrorRow",
    "add_errors",
    "advance",
    "approve",
    "cancel",
    "cancel_asked",
    "carries_out",
    "finish",
    "leaves",
    "queue",
    "recount_errors",
    "refuse",
    "when_over",
]
