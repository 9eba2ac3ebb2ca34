"""Who is told: what people chose, and what holds where they chose nothing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Q
from django.utils import timezone

from syncapp.accounts.access import AGENCY
from syncapp.accounts.models import Membership, User
from syncapp.notices import kinds
from syncapp.notices.models import Preference

When = Preference.When


@dataclass(frozen=True, slots=True)
class Choice:
    """`resolved`: also told when it is over. `chosen`: by the person, not by default."""

    when: str
    resolved: bool = True
    chosen: bool = False


def roles_in(account_id: int) -> dict[int, str]:
    """{user id: role} of the people who may know of the account's alerts now, in the account's scope.

    Who is a member counts as that, also an administrator of the agency; the other ones have the role `agency`.
    """
    live = Q(expires_at=None) | Q(expires_at__gt=timezone.now())
    members = Membership.objects.of(account_id).filter(live, user__is_active=True)
    agency = User.objects.filter(is_active=True, is_agency_admin=True).values_list("pk", flat=True)
    return dict.fromkeys(agency, AGENCY) | dict(members.values_list("user_id", "role"))


def default_of(kind: str, role: str) -> Choice:
    """Managers hear of what needs a person the first time. The agency's administrators see dashboards and
    get the digest.
    """
    if kind == kinds.DIGEST:
        return Choice(When.EVERY if role in (Membership.Role.MANAGER, AGENCY) else When.NEVER)
    default_on = any(known.key == kind and known.default_on for known in kinds.known())
    return Choice(When.FIRST if default_on and role == Membership.Role.MANAGER else When.NEVER)


def choices_in(account_id: int, kind: str, source: str = "") -> dict[int, Choice]:
    """{user id: choice} of everyone who may know, in the account's scope."""
    found = {user_id: default_of(kind, role) for user_id, role in roles_in(account_id).items()}
    said = Preference.objects.of(account_id).filter(kind=kind, source__in={"", source})
    return found | {user_id: choice for user_id, choice in strongest(said).items() if user_id in found}


def strongest(said: Iterable[Preference]) -> dict[int, Choice]:
    """What is said of one source goes before what is said of all."""
    ordered = sorted(said, key=lambda preference: preference.source != "")
    return {one.user_id: Choice(one.when, one.resolved, chosen=True) for one in ordered}
