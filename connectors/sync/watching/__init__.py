"""What has to happen without being asked: schedules, late starts, books that close, runs that stand still."""
