"""The members of an audience and those held for it, page by page; never counted, never skipped over."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from audiences.admin import whynot, wording
from audiences.admin.search import MOST_FOUND, by_term, is_or_begins
from audiences.models import Audience, Member, Pending, Profile

PAGE = 15


@dataclass(frozen=True, slots=True)
class MemberRow:
    person: Profile
    since: Any
    source: str
    standings: list[whynot.Standing]


@dataclass(frozen=True, slots=True)
class MemberPage:
    """`after` is the id of the last person when more follow, else None."""

    rows: list[MemberRow]
    after: int | None
    term: str
    why: str = ""

    @property
    def why_words(self) -> str:
        return whynot.WORDS.get(self.why.partition(":")[0], "")


def given(query: Mapping[str, str], name: str) -> str:
    """A value of the address; PostgreSQL knows no NUL."""
    return query.get(name, "").replace("\x00", "").strip()


def page_of(audience: Audience, query: Mapping[str, str] | None = None) -> MemberPage:
    """Members by id of the person, from the key (account, audience, person). `query`: q, why, after."""
    asked = query or {}
    term, why = given(asked, "q"), given(asked, "why")
    after = number_of(given(asked, "after"))
    rows = Member.objects.of(audience.account_id).filter(audience=audience, state=Member.State.MEMBER)
    rows = rows.filter(profile_id__gt=after)
    narrowed = whynot.narrowed_ids(audience, why, after, PAGE + 1) if why else None
    if narrowed is not None:
        rows = rows.filter(profile_id__in=narrowed)
    elif term != "":
        people = by_term(Profile.objects.of(audience.account_id), term)
        rows = rows.filter(profile_id__in=list(people.values_list("pk", flat=True)[:MOST_FOUND]))
    found = list(rows.order_by("profile_id")[: PAGE + 1])
    last = found[PAGE - 1].profile_id if len(found) > PAGE else None
    return MemberPage(with_people(audience, found[:PAGE]), last, term, why if narrowed is not None else "")


def number_of(written: str) -> int:
    """0 where it is none, or none that PostgreSQL could hold."""
    return int(written) if written.isdecimal() and len(written) <= 18 else 0


def with_people(audience: Audience, members: list[Member]) -> list[MemberRow]:
    people = Profile.objects.of(audience.account_id).in_bulk([member.profile_id for member in members])
    standings = whynot.of_people(audience.account_id, people.values())
    return [
        MemberRow(
            people[member.profile_id],
            member.added_at,
            wording.source(member.source) if member.source else "",
            standings[member.profile_id],
        )
        for member in members
        if member.profile_id in people
    ]


@dataclass(frozen=True, slots=True)
class HeldPage:
    """Who waits to be known; `after` as of members."""

    rows: list[Pending]
    after: int | None
    term: str


def held_of(audience: Audience, query: Mapping[str, str] | None = None) -> HeldPage:
    asked = query or {}
    term = given(asked, "q")
    rows = Pending.objects.of(audience.account_id).filter(audience=audience, state=Member.State.MEMBER)
    rows = rows.filter(pk__gt=number_of(given(asked, "after")))
    if term != "":
        rows = rows.filter(is_or_begins("value", term))
    found = list(rows.order_by("pk")[: PAGE + 1])
    return HeldPage(found[:PAGE], found[PAGE - 1].pk if len(found) > PAGE else None, term)
