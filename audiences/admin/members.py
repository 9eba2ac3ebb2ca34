"""The members of an audience, page by page; never counted, never skipped over."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from audiences.admin.search import MOST_FOUND, by_term
from audiences.models import Audience, Member, Profile

PAGE = 15


@dataclass(frozen=True, slots=True)
class MemberRow:
    person: Profile
    since: Any
    source: str


@dataclass(frozen=True, slots=True)
class MemberPage:
    """`after` is the id of the last person when more follow, else None."""

    rows: list[MemberRow]
    after: int | None
    term: str


def page_of(audience: Audience, term: str = "", after: int | None = None) -> MemberPage:
    """Members by id of the person, from the key (account, audience, person)."""
    rows = Member.objects.of(audience.account_id).filter(audience=audience, state=Member.State.MEMBER)
    if after is not None:
        rows = rows.filter(profile_id__gt=after)
    if term.strip() != "":
        people = by_term(Profile.objects.of(audience.account_id), term)
        rows = rows.filter(profile_id__in=list(people.values_list("pk", flat=True)[:MOST_FOUND]))
    found = list(rows.order_by("profile_id")[: PAGE + 1])
    people_by_id = Profile.objects.of(audience.account_id).in_bulk([member.profile_id for member in found])
    shown = [
        MemberRow(people_by_id[member.profile_id], member.added_at, member.source)
        for member in found[:PAGE]
        if member.profile_id in people_by_id
    ]
    return MemberPage(shown, found[PAGE - 1].profile_id if len(found) > PAGE else None, term)
