"""What the command palette finds among clients."""

from __future__ import annotations

from collections.abc import Iterator

from django.http import HttpRequest
from django.urls import reverse
from unfold.dataclasses import SearchResult

from syncapp.accounts import access
from syncapp.admin.palette import source

MOST = 6


@source
def clients(request: HttpRequest, term: str) -> Iterator[SearchResult]:
    """For those who may open a client's page: the agency's administrators."""
    mine = access.of(request)
    if not mine.is_agency_admin:
        return
    found = [account for account in mine.accounts if term.casefold() in account.name.casefold()]
    for account in found[:MOST]:
        yield SearchResult(
            account.name,
            "Client",
            reverse("admin:accounts_account_change", args=[account.pk]),
            icon="apartment",
        )
