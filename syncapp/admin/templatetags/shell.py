"""Small words for templates."""

from __future__ import annotations

from datetime import datetime, timedelta

from django import template
from django.utils import timezone
from django.utils.timesince import timesince

register = template.Library()


@register.filter
def ago(at: datetime | None) -> str:
    """How long ago, in one unit: "just now", "5 minutes ago"; "never" without a moment."""
    if at is None:
        return "never"
    if timezone.now() - at < timedelta(minutes=1):
        return "just now"
    return f"{timesince(at, depth=1)} ago"
