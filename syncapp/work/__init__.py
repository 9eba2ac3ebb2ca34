"""Background work: wake-ups, who answers them, and schedules.

Rows hold the truth (`work_wakeup`); django-q2 carries tokens that say "look". `manage.py work` runs it.
"""

from syncapp.work.registry import daily, every, handler
from syncapp.work.slices import Slice
from syncapp.work.times import DailyAt, moment_at, next_time
from syncapp.work.wakes import release, wake, wake_all

__all__ = [
    "DailyAt",
    "Slice",
    "daily",
    "every",
    "handler",
    "moment_at",
    "next_time",
    "release",
    "wake",
    "wake_all",
]
