"""Members: who works in a client, and as what."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from unfold.widgets import UnfoldAdminEmailInputWidget

from syncapp.accounts.models import Membership, User
from syncapp.admin.base import Role, TenantAdmin
from syncapp.admin.forms import TenantForm


class MembershipForm(TenantForm):
    """Members are named by e-mail address; whether it was known before is not told."""

    email = forms.EmailField(label="E-mail address", widget=UnfoldAdminEmailInputWidget())

    class Meta:
        model = Membership
        fields = ("role", "expires_at", "reason")

    def clean_email(self) -> str:
        email = str(self.cleaned_data["email"]).strip().lower()
        if Membership.objects.filter(user__email=email).exists():
            raise forms.ValidationError("This person is a member already.")
        return email


class MembershipChangeForm(TenantForm):
    class Meta:
        model = Membership
        fields = ("role", "expires_at", "reason")


@admin.register(Membership)
class MembershipAdmin(TenantAdmin):
    """A change is felt on the person's next request."""

    list_display = ("member", "role", "expires_at", "reason", "created_at")
    list_filter = ("role",)
    list_select_related = ("user",)
    ordering = ("user__email",)
    search_fields = ("user__email", "user__name")
    add_role = change_role = delete_role = Role.MANAGER
    empty_state = {
        "icon": "badge",
        "title": "Nobody works in this client yet",
        "next": "Add the people who look after it, each with a role.",
        "act": "Add a member",
    }

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        kwargs["form"] = MembershipForm if obj is None else MembershipChangeForm
        return super().get_form(request, obj, change, **kwargs)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("email" if obj is None else "member", "role", "expires_at", "reason")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return () if obj is None else ("member",)

    @admin.display(description="Member", ordering="user__email")
    def member(self, membership: Membership) -> str:
        return membership.user.email

    def save_model(self, request: HttpRequest, obj: Membership, form: Any, change: bool) -> None:
        if not change:
            obj.user = find_or_add_user(form.cleaned_data["email"])
        super().save_model(request, obj, form, change)


def find_or_add_user(email: str) -> User:
    """A new user has no password yet and sets one through “Forgot your password?”."""
    known = User.objects.filter(email__iexact=email).first()
    return known or User.objects.create_user(email)
