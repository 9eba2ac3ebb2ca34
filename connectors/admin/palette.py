"""What the command palette finds among connections."""

from __future__ import annotations

from collections.abc import Iterator

from django.http import HttpRequest
from django.urls import reverse
from unfold.dataclasses import SearchResult

from connectors.models import Connection
from syncapp.admin.palette import source

MOST = 6


@source
def connections(request: HttpRequest, term: str) -> Iterator[SearchResult]:
    for connection in (
        Connection.objects.filter(name__icontains=term).select_related("account").order_by("name")[:MOST]
    ):
        address = reverse("admin:connectors_connection_change", args=[connection.pk])
        yield SearchResult(connection.name, f"Connection · {connection.account}", address, icon="cable")
