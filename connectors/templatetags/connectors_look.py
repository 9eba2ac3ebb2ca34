"""The looks of connectors.look, for templates."""

from __future__ import annotations

from datetime import datetime

from django import template
from django.utils.safestring import SafeString

from connectors import look
from connectors.look import Look
from connectors.sync.progress import progress

register = template.Library()
register.filter("when", look.when)
register.filter("number", look.number)
register.filter("lasted", look.lasted)
register.filter("pairs", look.pairs)
register.filter("run_look", look.of_run)
register.filter("goal_look", look.of_goal)
register.filter("connection_look", look.of_connection)
register.filter("authorization_look", look.of_authorization)
register.filter("subscriber_look", look.of_subscriber)
register.filter("progress", progress)
register.filter("rate", look.rate)
register.filter("duration", look.duration)
register.filter("esp_badge", look.esp_badge)


@register.filter
def badge(found: Look) -> SafeString:
    return look.badge(found)


@register.filter
def badge_with_reason(found: Look) -> SafeString:
    return look.badge_with_reason(found)


@register.filter
def exact(moment: datetime) -> str:
    return look.exact(moment)
