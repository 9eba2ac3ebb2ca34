"""What the command palette finds among people and audiences."""

from __future__ import annotations

from collections.abc import Iterator

from django.http import HttpRequest
from django.urls import reverse
from unfold.dataclasses import SearchResult

from audiences.admin.search import by_term
from audiences.models import Audience, Profile
from syncapp.accounts import access
from syncapp.admin.palette import source

MOST = 6
SHORTEST_PERSON_TERM = 3


@source
def audiences(request: HttpRequest, term: str) -> Iterator[SearchResult]:
    for audience in Audience.objects.filter(deleted_at=None, name__icontains=term).order_by("name")[:MOST]:
        address = reverse("admin:audiences_audience_change", args=[audience.pk])
        yield SearchResult(
            audience.name, _place(request, "Audience", audience.account_id), address, icon="groups"
        )


@source
def people(request: HttpRequest, term: str) -> Iterator[SearchResult]:
    if len(term) < SHORTEST_PERSON_TERM:
        return
    for profile in by_term(Profile.objects.all(), term)[:MOST]:
        address = reverse("admin:audiences_profile_change", args=[profile.pk])
        yield SearchResult(
            str(profile), _place(request, "Person", profile.account_id), address, icon="person"
        )


def _place(request: HttpRequest, what: str, account_id: int) -> str:
    mine = access.of(request)
    account = mine.account(account_id)
    return what if mine.selected is not None or account is None else f"{what} of {account.name}"
