"""Telling people that something needs them: alerts, the e-mails and webhooks they cause, and the daily digest.

`raise_alert` and `resolve_alert` are the door; kinds of alerts are registered by whoever raises them.
"""

from syncapp.notices.door import Severity, raise_alert, resolve_alert
from syncapp.notices.kinds import Kind, register_kind, register_sources

__all__ = ["Kind", "Severity", "raise_alert", "register_kind", "register_sources", "resolve_alert"]
