"""The base of every admin page of tenant rows.

What it closes: lists, selects, many-to-many, autocomplete, filters, inlines, actions, history, delete pages, counts
and unique errors show and take rows of the accounts in scope only. The page of one object runs in that object's
account alone (`scoping`), whatever the header says; a foreign id is answered like an unknown one.
"""

from __future__ import annotations

from typing import Any, ClassVar
from urllib.parse import urlencode

from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.contrib.admin.widgets import AutocompleteMixin
from django.core.exceptions import ImproperlyConfigured, PermissionDenied
from django.db import models
from django.http import Http404, HttpRequest, HttpResponseBase
from django.template.response import TemplateResponse
from unfold.admin import StackedInline, TabularInline

from syncapp.accounts import access, scope
from syncapp.accounts.managers import AccountManager
from syncapp.accounts.models import Account, Membership, User
from syncapp.admin.forms import TenantForm
from syncapp.admin.paginator import CappedPaginator
from syncapp.admin.rights import Role, RoleRights, on_permitted_rows
from syncapp.admin.scoping import complete, narrow
from syncapp.admin.titles import PlainTitles
from syncapp.audit import activity
from syncapp.audit.views import with_places

__all__ = ["AgencyAdmin", "Role", "TenantAdmin", "TenantInline", "TenantStackedInline"]

FILTER_LOOKUPS = {
    "exact",
    "in",
    "isnull",
    "gte",
    "lte",
    "gt",
    "lt",
    "id",
    "pk",
    "contains",
    "icontains",
    "overlap",
}


class ScopedFields(RoleRights):
    """Form fields of one account, for pages and inlines."""

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        target = db_field.remote_field.model
        if target is Account:
            raise ImproperlyConfigured(f"{self.model.__name__}: the client is never a field of a form.")
        if target is User:
            kwargs["queryset"] = colleagues()
        return self._of_account(super().formfield_for_foreignkey(db_field, request, **kwargs))

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        return self._of_account(super().formfield_for_manytomany(db_field, request, **kwargs))

    def _of_account(self, field: Any) -> Any:
        """Autocomplete offers rows of the page's account only; what is posted is checked by the field
        itself.
        """
        widget = getattr(field, "widget", None)
        if isinstance(widget, AutocompleteMixin):
            address = f"{widget.get_url()}?{urlencode({'account': scope.required().only or ''})}"
            widget.get_url = lambda: address  # type: ignore[method-assign]
        return field


def colleagues() -> models.QuerySet[User]:
    """Users with a membership in an account in scope: nobody else's name is offered or taken."""
    return User.objects.filter(pk__in=Membership.objects.values("user"))


class TenantAdmin(ScopedFields, PlainTitles):
    """See the module's text. Roles per act are class attributes of `RoleRights`."""

    form = TenantForm
    exclude: ClassVar[Any] = ("account",)
    list_per_page = 50
    show_full_result_count = False
    paginator = CappedPaginator
    list_fullwidth = False
    save_as = False
    show_facets = 0
    warn_unsaved_form = True
    empty_state: ClassVar[dict[str, str] | None] = None  # icon, title, next (in words), act, link

    def __init__(self, model: type[models.Model], admin_site: Any) -> None:
        if not isinstance(model._default_manager, AccountManager):
            raise ImproperlyConfigured(
                f"{model.__name__} has no scoped manager; TenantAdmin cannot close it off."
            )
        super().__init__(model, admin_site)  # type: ignore[call-arg]
        self._refuse_open_filters()

    def _refuse_open_filters(self) -> None:
        for item in self.list_filter:
            name = item[0] if isinstance(item, (list, tuple)) else item
            if isinstance(name, str) and self._leads_to_shared_rows(name):
                raise ImproperlyConfigured(
                    f"{self.model.__name__}: filter {name} would list rows of every account."
                )

    def _leads_to_shared_rows(self, path: str) -> bool:
        model: Any = self.model
        for part in path.split("__"):
            field = model._meta.get_field(part)
            if not field.is_relation:
                return False
            model = field.related_model
        return not isinstance(model._default_manager, AccountManager)

    # Lists

    def get_list_display(self, request: HttpRequest) -> Any:
        """With several clients in view, the second column says whose row it is."""
        columns = list(super().get_list_display(request))
        if scope.required().only is None and "client" not in columns:
            columns.insert(1, "client")
        return columns

    def get_list_select_related(self, request: HttpRequest) -> Any:
        joined = super().get_list_select_related(request)
        if scope.required().only is not None or joined is True:
            return joined
        return [*(joined or []), "account"]

    @admin.display(description="Client", ordering="account__name")
    def client(self, row: Any) -> str:
        return str(row.account)

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        """Only what a filter of this list offers.

        Django also allows any column, which would let one guess values.
        """
        offered = [item[0] if isinstance(item, (list, tuple)) else item for item in self.list_filter]
        for name in offered:
            if isinstance(name, str) and lookup.startswith(name):
                rest = [part for part in lookup[len(name) :].split("__") if part]
                if set(rest) <= FILTER_LOOKUPS:
                    return True
            elif getattr(name, "parameter_name", None) == lookup:
                return True
        return False

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        found = super().get_actions(request)
        return {name: (on_permitted_rows(act), name, words) for name, (act, _, words) in found.items()}

    # Pages of one object

    def get_urls(self) -> list[Any]:
        return self.narrowed(super().get_urls())

    def narrowed(self, patterns: list[Any]) -> list[Any]:
        """For own addresses too: those with `<path:object_id>` run in the account of that object, or
        are 404.
        """
        return [narrow(self, pattern) for pattern in patterns]

    def _get_obj_does_not_exist_redirect(self, request: HttpRequest, opts: Any, object_id: str) -> Any:
        raise Http404(f"There is no such {opts.verbose_name}.")

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> Any:
        """A new row belongs to the selected client; with all of them in view, that is asked first."""
        selected = access.of(request).selected
        if selected is None:
            return self._ask_for_client(request)
        with scope.account(selected):
            return complete(super().add_view(request, form_url, extra_context))

    def _ask_for_client(self, request: HttpRequest) -> HttpResponseBase:
        if not self.has_add_permission(request):
            raise PermissionDenied
        allowed = access.of(request)
        choices = [account for account in allowed.accounts if allowed.may(str(self.add_role), account.pk)]
        return TemplateResponse(
            request,
            "syncapp/choose_client.html",
            {
                **self.admin_site.each_context(request),
                "title": f"Add {self.opts.verbose_name}: for which client?",
                "opts": self.opts,
                "choices": choices,
                "next": request.get_full_path(),
            },
        )

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> Any:
        row = self.get_object(request, unquote(object_id))
        if row is None or not self.has_view_permission(request, row):
            raise PermissionDenied
        context = {
            **self.admin_site.each_context(request),
            "title": f"History of {row}",
            "original": row,
            "opts": self.opts,
            "entries": with_places(request, activity.of_row(self.model, row.pk)),
        }
        return TemplateResponse(request, "audit/history.html", context)

    # Django's own log has no account; the audit trail is written by the database (syncapp.audit).

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> Any: ...

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any: ...

    def log_deletions(self, request: HttpRequest, queryset: Any) -> Any: ...


class TenantInline(ScopedFields, TabularInline):  # type: ignore[misc]
    """Rows of the parent's account; rights follow the role in it."""

    form = TenantForm
    exclude: ClassVar[Any] = ("account",)
    extra = 0
    show_change_link = False


class TenantStackedInline(ScopedFields, StackedInline):  # type: ignore[misc]
    form = TenantForm
    exclude: ClassVar[Any] = ("account",)
    extra = 0


class AgencyAdmin(PlainTitles):
    """Tables of the agency itself (users, accounts): for agency administrators only."""

    list_per_page = 50
    show_full_result_count = False
    paginator = CappedPaginator
    show_facets = 0
    warn_unsaved_form = True

    def _allowed(self, request: HttpRequest) -> bool:
        return bool(request.user.is_active and access.of(request).is_agency_admin)

    def _get_obj_does_not_exist_redirect(self, request: HttpRequest, opts: Any, object_id: str) -> Any:
        raise Http404(f"There is no such {opts.verbose_name}.")

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._allowed(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self._allowed(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._allowed(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self._allowed(request)

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> Any: ...

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any: ...

    def log_deletions(self, request: HttpRequest, queryset: Any) -> Any: ...
