"""Alerts, what people and systems want to hear of them, and what was told."""

from syncapp.notices.models.alert import Alert
from syncapp.notices.models.mail import Digest, Mail
from syncapp.notices.models.preference import Preference
from syncapp.notices.models.webhook import Delivery, Endpoint

__all__ = ["Alert", "Delivery", "Digest", "Endpoint", "Mail", "Preference"]
