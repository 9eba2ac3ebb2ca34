"""The one scoped door to a tenant's rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from django.db import models

from syncapp.accounts import scope

if TYPE_CHECKING:
    from syncapp.accounts.models import Account

M = TypeVar("M", bound=models.Model)


class AccountQuerySet(models.QuerySet[M]):
    def of(self, account: Account | int) -> AccountQuerySet[M]:
        """Rows of one account; planned on that account's partition and indexes."""
        return self.filter(account_id=account if isinstance(account, int) else account.pk)


class AccountManager(models.Manager.from_queryset(AccountQuerySet)):  # type: ignore[misc]
    """Adds the accounts in scope to every query and raises `scope.Missing` outside any scope.

    Foreign keys are followed through Django's base manager, which is not filtered: there the composite keys
    and row-level security hold.
    """

    def get_queryset(self) -> Any:
        rows = super().get_queryset()
        allowed = scope.required()
        if allowed.account_ids is None:
            return rows
        if allowed.only is not None:
            return rows.filter(account_id=allowed.only)
        return rows.filter(account_id__in=allowed.account_ids)
