"""Who should be on a list, and what differs from what the ESP accepted: looked at, held or written."""
