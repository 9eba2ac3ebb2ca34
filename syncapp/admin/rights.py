"""Rights in the admin: a role in the account of the row, not a permission of the user."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib import messages
from django.db.models import Model, QuerySet
from django.http import HttpRequest

from syncapp.accounts import access, scope
from syncapp.accounts.models import Membership

if TYPE_CHECKING:
    from django.contrib.admin.options import BaseModelAdmin

    Base = BaseModelAdmin[Any]
else:
    Base = object

Role = Membership.Role
Action = Callable[..., Any]


class RoleRights(Base):
    """`*_role` name the least role for each act; None: nobody, not even agency administrators."""

    view_role: ClassVar[str | None] = Role.VIEWER
    add_role: ClassVar[str | None] = Role.EDITOR
    change_role: ClassVar[str | None] = Role.EDITOR
    delete_role: ClassVar[str | None] = Role.MANAGER

    def has_role(self, request: HttpRequest, role: str | None, row: object = None) -> bool:
        """In the row's account; without a row, in the only account in scope, or in any of them."""
        if role is None or not request.user.is_active:
            return False
        allowed = access.of(request)
        account_id = row.account_id if isinstance(row, Model) else scope.required().only  # type: ignore[attr-defined]
        if account_id is not None:
            return allowed.may(role, account_id)
        return bool(allowed.where(role))

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_role(request, self.view_role, obj)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_role(request, self.add_role, obj)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_role(request, self.change_role, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_role(request, self.delete_role, obj)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_role(request, self.view_role)


def on_permitted_rows(action: Action) -> Action:
    """Run a list action on those ticked rows only whose account gives the user the right to it.

    The rights are those of `@admin.action(permissions=…)`; an action that names none needs "change".
    """
    permissions = getattr(action, "allowed_permissions", ("change",))

    @wraps(action)
    def restricted(model_admin: RoleRights, request: HttpRequest, rows: QuerySet[Any]) -> Any:
        permitted = _permitted(model_admin, request, rows, permissions)
        if permitted is not rows and rows.exclude(pk__in=permitted.values("pk")).exists():
            messages.warning(request, "Some rows were left out: in their client you may look only.")
        return action(model_admin, request, permitted)

    return restricted


def _permitted(
    model_admin: RoleRights, request: HttpRequest, rows: QuerySet[Any], permissions: tuple[str, ...]
) -> QuerySet[Any]:
    allowed = access.of(request)
    for permission in permissions:
        role = getattr(model_admin, f"{permission}_role")
        accounts = allowed.where(role) if role is not None else []
        if set(accounts) != set(allowed.account_ids):
            rows = rows.filter(account_id__in=accounts)
    return rows
