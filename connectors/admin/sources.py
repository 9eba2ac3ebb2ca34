"""Connections, as what people may choose other notifications for."""

from __future__ import annotations

from collections.abc import Iterator

from connectors.models import Connection
from syncapp.notices import register_sources


@register_sources
def connections(account_id: int) -> Iterator[tuple[str, str]]:
    """(ref as in `raise_alert`'s source, label)."""
    for pk, name in Connection.objects.of(account_id).order_by("name").values_list("pk", "name"):
        yield f"connection:{pk}", name
