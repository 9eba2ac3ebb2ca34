"""How somebody came to be in an audience or out of it, and what calls changed lately."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import F, IntegerField
from django.db.models.expressions import Func

from audiences import history
from audiences.admin import wording
from audiences.models import Audience, Member, MembershipChange, Profile

EVENTS_SHOWN = 50
CHANGES_SHOWN = 8


@dataclass(frozen=True, slots=True)
class Event:
    at: datetime
    joined: bool
    source: str


@dataclass(frozen=True, slots=True)
class History:
    """`member`: the row as it is now, also of who left within 30 days."""

    person: Profile
    member: Member | None
    events: list[Event]

    @property
    def is_member(self) -> bool:
        return self.member is not None and self.member.state == Member.State.MEMBER

    @property
    def source(self) -> str:
        return wording.source(self.member.source) if self.member is not None and self.member.source else ""

    @property
    def is_older_than_events(self) -> bool:
        """The person came in before changes were kept."""
        return self.is_member and not any(event.joined for event in self.events)


def history_of(audience: Audience, person: Profile) -> History:
    """Newest first."""
    member = Member.objects.of(audience.account_id).filter(audience=audience, profile=person).first()
    moves = history.of_member(audience, person.pk, limit=EVENTS_SHOWN)
    events = [Event(move.at, move.change == "added", wording.source(move.source)) for move in moves]
    return History(person, member, events)


@dataclass(frozen=True, slots=True)
class Call:
    at: datetime
    source: str
    joined: int
    left: int


def latest_changes(audience: Audience) -> list[Call]:
    """The newest calls that changed who is in it; the arrays stay in the database."""
    rows = MembershipChange.objects.of(audience.account_id).filter(audience=audience)
    found: Any = rows.annotate(joined=size_of("added"), left=size_of("removed")).order_by("-at", "-pk")
    return [
        Call(at, wording.source(source), joined, left)
        for at, source, joined, left in found.values_list("at", "source", "joined", "left")[:CHANGES_SHOWN]
    ]


def size_of(field: str) -> Func:
    return Func(F(field), function="cardinality", output_field=IntegerField())
