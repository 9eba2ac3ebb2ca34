"""Clients: the agency's accounts."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from unfold.widgets import UnfoldAdminColorInputWidget

from syncapp.accounts import access
from syncapp.accounts.models import Account
from syncapp.accounts.views import ALL
from syncapp.admin.base import AgencyAdmin


class ClientForm(forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        model = Account
        fields = ("name", "slug", "colour", "time_zone", "language", "currency")
        widgets = {"colour": UnfoldAdminColorInputWidget}

    def clean_slug(self) -> str:
        slug = str(self.cleaned_data["slug"])
        if slug == ALL:
            raise forms.ValidationError("“all” stands for all clients. Choose another.")
        return slug


@admin.register(Account)
class ClientAdmin(AgencyAdmin):
    """Everyone sees the clients they work for; agency administrators add and change them."""

    form = ClientForm
    list_display = ("named", "slug", "time_zone", "language", "currency", "created_at")
    search_fields = ("name", "slug")
    fieldsets = (
        (None, {"fields": ("name", "slug", "colour")}),
        ("Region", {"fields": ("time_zone", "language", "currency")}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Account]:
        """Also for an agency administrator no archived ones: they are out of every scope."""
        mine = [account.pk for account in access.of(request).accounts]
        return super().get_queryset(request).filter(pk__in=mine)  # type: ignore[no-any-return]

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.is_active and access.of(request).accounts) or self._allowed(request)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def get_readonly_fields(self, request: HttpRequest, obj: Account | None = None) -> tuple[str, ...]:
        return ("slug",) if obj is not None else ()

    def get_prepopulated_fields(self, request: HttpRequest, obj: Account | None = None) -> dict[str, Any]:
        return {} if obj is not None else {"slug": ("name",)}

    @admin.display(description="Client", ordering="name")
    def named(self, account: Account) -> str:
        swatch = (
            '<span class="named"><svg class="swatch" viewBox="0 0 12 12" aria-hidden="true">'
            '<rect width="12" height="12" rx="3" fill="{}"/></svg>{}</span>'
        )
        return format_html(swatch, account.colour, account.name)
