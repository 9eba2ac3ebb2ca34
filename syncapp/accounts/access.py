"""Who may do what in which account: read from memberships on every request, so that a change is felt at once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import cast

from django.db.models import Q
from django.http import HttpRequest
from django.utils import timezone

from syncapp.accounts import scope
from syncapp.accounts.models import Account, Membership, User

AGENCY = "agency"
RANK: dict[str, int] = {
    Membership.Role.VIEWER: 1,
    Membership.Role.EDITOR: 2,
    Membership.Role.MANAGER: 3,
    AGENCY: 4,
}


@dataclass(frozen=True, slots=True)
class Access:
    """What a signed-in user may see and do.

    `roles`: {account id: role}, of live memberships; an agency administrator has `agency` in every account.
    `selected`: the client chosen in the header, or None for all of them.
    """

    accounts: tuple[Account, ...]
    roles: dict[int, str]
    is_agency_admin: bool = False
    selected: Account | None = None

    @property
    def account_ids(self) -> list[int]:
        """The accounts this request works in: the selected one, or all of the user's."""
        if self.selected is not None:
            return [self.selected.pk]
        return [account.pk for account in self.accounts]

    def may(self, role: str, account_id: int) -> bool:
        """Does the user have at least this role in the account?"""
        return RANK.get(self.roles.get(account_id, ""), 0) >= RANK[role]

    def where(self, role: str) -> list[int]:
        """The accounts in scope in which the user has at least this role."""
        return [account_id for account_id in self.account_ids if self.may(role, account_id)]

    def account(self, account_id: int) -> Account | None:
        return next((found for found in self.accounts if found.pk == account_id), None)


NOBODY = Access(accounts=(), roles={})


def access_of(user: User, chosen_slug: str | None) -> Access:
    """The user's access now. Who has one client only, has it selected."""
    accounts, roles = _agency(user) if user.is_agency_admin else _memberships(user)
    return Access(
        accounts=accounts,
        roles=roles,
        is_agency_admin=user.is_agency_admin,
        selected=_selected(accounts, chosen_slug),
    )


def of(request: HttpRequest) -> Access:
    """The access the middleware found for this request."""
    return cast(Access, getattr(request, "access", NOBODY))


def _agency(user: User) -> tuple[tuple[Account, ...], dict[int, str]]:
    accounts = tuple(Account.objects.filter(archived_at=None))
    return accounts, {account.pk: AGENCY for account in accounts}


def _memberships(user: User) -> tuple[tuple[Account, ...], dict[int, str]]:
    live = Q(expires_at=None) | Q(expires_at__gt=timezone.now())
    with scope.everything("which accounts a user belongs to is asked before any is in scope"):
        found = list(
            Membership.objects.filter(live, user=user, account__archived_at=None)
            .select_related("account")
            .order_by("account__name")
        )
    return tuple(m.account for m in found), {m.account_id: m.role for m in found}


def _selected(accounts: Iterable[Account], chosen_slug: str | None) -> Account | None:
    every = list(accounts)
    if len(every) == 1:
        return every[0]
    return next((account for account in every if account.slug == chosen_slug), None)
