"""The bell in the header."""

from __future__ import annotations

from typing import Any

from django import template
from django.http import HttpRequest

from syncapp.accounts import access, scope
from syncapp.notices import kinds
from syncapp.notices.models import Alert

register = template.Library()
MOST = 99
register.filter("kind_label", kinds.label_of)


@register.inclusion_tag("notices/bell.html", takes_context=True)
def bell(context: dict[str, Any]) -> dict[str, Any]:
    """How many alerts are open in the clients in view, counted no further than a badge can show."""
    request: HttpRequest | None = context.get("request")
    if request is None or not access.of(request).account_ids:
        return {"shown": False}
    with scope.accounts(access.of(request).account_ids):
        found = Alert.objects.filter(resolved_at=None).order_by()[: MOST + 1].count()
    return {"shown": True, "count": found, "badge": f"{MOST}+" if found > MOST else str(found)}
