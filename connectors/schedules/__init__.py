"""When goals run, and when they keep quiet, by the clock of the client. Pure: no clock, no database."""

from connectors.schedules.kinds import Schedule
from connectors.schedules.parsing import BadSchedule, parse
from connectors.schedules.quiet import in_quiet_hours
from connectors.schedules.upcoming import next_times
from connectors.schedules.words import in_words

__all__ = ["BadSchedule", "Schedule", "in_quiet_hours", "in_words", "next_times", "parse"]
