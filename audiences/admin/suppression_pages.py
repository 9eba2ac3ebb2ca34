"""Suppressions: addresses that are never mailed. What is kept cannot be read back."""

from __future__ import annotations

from typing import Any, cast

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from unfold.widgets import UnfoldAdminEmailInputWidget

from audiences import suppressions
from audiences.addresses import InvalidAddress, normalise
from audiences.models import Suppression
from syncapp.accounts.models import User
from syncapp.admin.base import Role, TenantAdmin
from syncapp.admin.forms import TenantForm


class SuppressionForm(TenantForm):
    address = forms.CharField(label="E-mail address", widget=UnfoldAdminEmailInputWidget(), max_length=254)

    class Meta:
        model = Suppression
        fields = ("reason",)

    def clean_address(self) -> str:
        try:
            address = normalise(self.cleaned_data["address"])
        except InvalidAddress as error:
            raise forms.ValidationError(str(error)) from error
        if suppressions.is_suppressed(self.instance.account, address):
            raise forms.ValidationError("This address is suppressed already.")
        return address


@admin.register(Suppression)
class SuppressionAdmin(TenantAdmin):
    """Only a fingerprint of the address is kept, so that it survives an erasure without naming anybody."""

    form = SuppressionForm
    list_display = ("fingerprint", "reason", "source", "created_at")
    list_filter = ("reason",)
    list_before_template = "audiences/suppressions_intro.html"
    ordering = ("-id",)
    change_role = None
    delete_role = Role.MANAGER
    empty_state = {
        "icon": "block",
        "title": "No address is suppressed",
        "next": "Complaints, bounces and erasures end up here by themselves. Add who asked never to be mailed.",
        "act": "Suppress an address",
    }

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("address", "reason") if obj is None else ("fingerprint", "reason", "source", "created_at")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return () if obj is None else ("fingerprint", "reason", "source", "created_at")

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        if obj is not None:
            kwargs["form"] = TenantForm
        return super().get_form(request, obj, change, **kwargs)

    def save_model(self, request: HttpRequest, obj: Suppression, form: Any, change: bool) -> None:
        """Through the one function that suppresses, which also tells the connections."""
        address = form.cleaned_data["address"]
        suppressions.suppress(
            obj.account, address, reason=obj.reason, source=f"admin:{cast(User, request.user).email}"
        )
        made = Suppression.objects.get(account=obj.account, address_hmac=suppressions.to_hmac(address))
        obj.pk, obj.address_hmac = made.pk, made.address_hmac

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Who was erased on request stays suppressed."""
        if isinstance(obj, Suppression) and obj.reason == Suppression.Reason.ERASURE:
            return False
        return super().has_delete_permission(request, obj)

    @admin.display(description="Address")
    def fingerprint(self, suppression: Suppression) -> str:
        return f"fingerprint {bytes(suppression.address_hmac).hex()[:12]}…"
