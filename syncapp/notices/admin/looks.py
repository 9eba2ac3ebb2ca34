"""How states look: a word with a colour and a sign."""

from __future__ import annotations

from django.utils.html import format_html
from django.utils.safestring import SafeString

from syncapp.notices.models import Alert, Delivery, Endpoint

OF_SEVERITY = {"error": "bad", "warning": "warn", "info": "info"}
OF_DELIVERY = {"waiting": "info", "delivered": "good", "failed": "bad"}


def badge(tone: str, words: str) -> SafeString:
    return format_html('<span class="badge badge-{}">{}</span>', tone, words)


def of_alert(alert: Alert) -> SafeString:
    if alert.resolved_at is not None:
        return badge("good", "Resolved")
    return badge(OF_SEVERITY.get(alert.severity, "info"), alert.get_severity_display())


def of_endpoint(endpoint: Endpoint) -> SafeString:
    if endpoint.enabled:
        return badge("good", "On")
    look = badge("warn", "Off")
    return format_html('{}<div class="quiet">{}</div>', look, endpoint.disabled_reason)


def of_delivery(delivery: Delivery) -> SafeString:
    return badge(OF_DELIVERY.get(delivery.state, "info"), delivery.get_state_display())
