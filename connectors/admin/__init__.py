"""Pages of connections: from credentials to what happened to every person."""

from connectors.admin import (
    authorizations,
    calls,
    connections,
    dashboard,
    goals,
    palette,
    person,
    runs,
    sources,
)

__all__ = [
    "authorizations",
    "calls",
    "connections",
    "dashboard",
    "goals",
    "palette",
    "person",
    "runs",
    "sources",
]
