"""Users: who may sign in at all. For agency administrators."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest

from syncapp.accounts.models import User
from syncapp.admin.base import AgencyAdmin


class UserForm(forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        model = User
        fields = ("email", "name", "is_active", "is_agency_admin")


@admin.register(User)
class UserAdmin(AgencyAdmin):
    """No password is ever set for somebody else: a new user asks for a link on the sign-in page."""

    form = UserForm
    list_display = ("email", "name", "sees", "may_sign_in", "last_login")
    list_filter = ("is_agency_admin", "is_active")
    search_fields = ("email", "name")
    ordering = ("email",)
    fieldsets = (
        (
            None,
            {
                "fields": ("email", "name"),
                "description": "New users set a password through “Forgot your password?” on the sign-in page.",
            },
        ),
        ("Rights", {"fields": ("is_active", "is_agency_admin")}),
    )

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        if not change:
            obj.set_unusable_password()
        super().save_model(request, obj, form, change)

    @admin.display(description="Sees", ordering="is_agency_admin")
    def sees(self, user: User) -> str:
        return "every client (agency administrator)" if user.is_agency_admin else "clients by membership"

    @admin.display(description="May sign in", ordering="is_active")
    def may_sign_in(self, user: User) -> str:
        return "yes" if user.is_active else "no"
